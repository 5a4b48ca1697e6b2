// Every texel has a part in the device pixels near it, however many there are: what moves by less than
// a device pixel does not flicker.

vec3 mixed(vec2 at) {
    return tent(at, clamp(texels, vec2(1.0), vec2(FURTHEST)));
}
