// Enlarged texels keep their shape: two of them are mixed only where a device pixel lies on both.

vec3 mixed(vec2 at) {
    vec2 from = floor(at - 0.5) + 0.5;
    vec2 steep = max(1.0 / texels, vec2(1.0));
    vec2 part = clamp((at - from - 0.5) * steep + 0.5, 0.0, 1.0);
    return tent(from + part, vec2(1.0));
}
