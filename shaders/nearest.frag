// The nearest texel: exact at 1:1 and at whole multiples.

vec3 mixed(vec2 at) {
    return texel(ivec2(floor(at)));
}
