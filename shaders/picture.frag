// The guest's picture, opaque whatever is in its alpha channel. `edges` are the middles of the first
// and last texels that belong to it: a filter mixes in no others.

precision highp float;

uniform PICTURE picture;
uniform vec4 edges;

in vec2 at;

out vec4 pixel;

void main() {
    pixel = vec4(texture(picture, clamp(at, edges.xy, edges.zw)).rgb, 1.0);
}
