// Smooth, and then contrast is added: the more, the less there is of it already, so that hard edges
// stay as they are and nothing becomes lighter than white or darker than black. After AMD's
// contrast-adaptive sharpening (FidelityFX CAS).

// How much the four neighbours are taken away from a pixel at most.
const float STRENGTH = 0.16;

vec3 mixed(vec2 at) {
    vec2 radius = clamp(texels, vec2(1.0), vec2(FURTHEST));
    vec3 here = tent(at, radius);
    vec3 left = tent(at - vec2(radius.x, 0.0), radius);
    vec3 right = tent(at + vec2(radius.x, 0.0), radius);
    vec3 above = tent(at - vec2(0.0, radius.y), radius);
    vec3 below = tent(at + vec2(0.0, radius.y), radius);
    vec3 least = min(here, min(min(left, right), min(above, below)));
    vec3 most = max(here, max(max(left, right), max(above, below)));
    vec3 room = min(least, 1.0 - most) / max(most, vec3(1.0 / 512.0));
    vec3 weight = -STRENGTH * sqrt(clamp(room, 0.0, 1.0));
    vec3 sum = (left + right + above + below) * weight + here;
    return clamp(sum / (1.0 + 4.0 * weight), 0.0, 1.0);
}
