// A rectangle over the whole viewport. `part` is the corner and the extent of what is seen of the
// texture; its extent down is negative where row 0 is the bottom line.

uniform vec4 part;

out vec2 at;

void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    at = part.xy + corner * part.zw;
    gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}
