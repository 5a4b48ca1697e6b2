// The guest's picture, opaque whatever is in its alpha channel. What mixes its texels is in a file of
// its own, which follows: see README.md.

precision highp float;
precision highp int;

uniform PICTURE picture;

// From device pixels to texels: corner, and what a step to the right and one down are.
uniform vec2 origin;
uniform vec2 across;
uniform vec2 down;

// The first and last texels that belong to the picture: a filter mixes in no others.
uniform ivec4 edges;

// How many texels a device pixel has, along the texture's axes.
uniform vec2 texels;

out vec4 pixel;

// The colour at a position among the texels.
vec3 mixed(vec2 at);

vec3 texel(ivec2 at) {
    return texelFetch(picture, clamp(at, edges.xy, edges.zw), 0).rgb;
}

// The mean of the texels around a position, which weigh less the further away they are, and nothing
// from `radius` on: with 1 the usual linear one.
vec3 tent(vec2 at, vec2 radius) {
    ivec2 first = ivec2(floor(at - radius - 0.5)) + 1;
    ivec2 last = ivec2(ceil(at + radius - 0.5)) - 1;
    vec3 sum = vec3(0.0);
    float whole = 0.0;
    for (int y = first.y; y <= last.y; y++) {
        float high = 1.0 - abs(float(y) + 0.5 - at.y) / radius.y;
        for (int x = first.x; x <= last.x; x++) {
            float weight = high * (1.0 - abs(float(x) + 0.5 - at.x) / radius.x);
            sum += texel(ivec2(x, y)) * weight;
            whole += weight;
        }
    }
    return sum / whole;
}

void main() {
    vec2 at = origin + gl_FragCoord.x * across + gl_FragCoord.y * down;
    pixel = vec4(mixed(at), 1.0);
}
