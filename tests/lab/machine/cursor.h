/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cursor plane for mbochs, which has none: what a vGPU shows of its guest's pointer, without a hot spot
 * as GVT-g's is. No guest's driver moves it; whoever writes "SHAPE,X,Y" into the module's parameter
 * `cursor` does, of all devices. Shape 0 is none; N is opaque in its first 8 + 8 * N columns and rows.
 *
 * Included by mbochs.c of Linux before mbochs_query_gfx_plane().
 */
#define ORIEL_CURSOR_SIDE 64
#define ORIEL_CURSOR_SHAPES 4

static int oriel_cursor[3];
module_param_array_named(cursor, oriel_cursor, int, NULL, 0644);
MODULE_PARM_DESC(cursor, "shape, x and y of the cursor plane");

static u32 oriel_cursor_pixel(int shape, u32 x, u32 y)
{
	u32 side = 8 + 8 * shape;

	/* Each pixel of each shape is another one. */
	return x < side && y < side ? 0xff808080 + (shape << 20) + (x << 8) + y : 0;
}

static int oriel_draw_cursor(struct mdev_state *mdev_state, const struct mbochs_mode *mode, int shape)
{
	u32 rows = PAGE_SIZE / mode->stride;
	u32 x, y;

	for (y = 0; y < mode->height; y += rows) {
		struct page *page = __mbochs_get_page(mdev_state, (mode->offset + y * mode->stride) >> PAGE_SHIFT);
		u32 *pixels, row;

		if (!page)
			return -ENOMEM;
		pixels = kmap_local_page(page);
		for (row = 0; row < rows; row++)
			for (x = 0; x < mode->width; x++)
				pixels[row * mode->width + x] = oriel_cursor_pixel(shape, x, y + row);
		kunmap_local(pixels);
		put_page(page);
	}
	return 0;
}

/* As mbochs_check_framebuffer() does for the primary plane; the shapes are at the end of the memory. */
static int oriel_check_cursor(struct mdev_state *mdev_state, struct vfio_device_gfx_plane_info *plane,
			      struct mbochs_mode *mode)
{
	int shape = READ_ONCE(oriel_cursor[0]);

	if (shape < 1 || shape > ORIEL_CURSOR_SHAPES)
		return -EINVAL;
	memset(mode, 0, sizeof(*mode));
	mode->drm_format = DRM_FORMAT_ARGB8888;
	mode->bytepp = 4;
	mode->width = ORIEL_CURSOR_SIDE;
	mode->height = ORIEL_CURSOR_SIDE;
	mode->stride = mode->width * mode->bytepp;
	mode->size = (u64)mode->stride * mode->height;
	mode->offset = mdev_state->memsize - shape * mode->size;
	plane->x_pos = READ_ONCE(oriel_cursor[1]);
	plane->y_pos = READ_ONCE(oriel_cursor[2]);
	plane->x_hot = ~0;
	plane->y_hot = ~0;
	if (mbochs_dmabuf_find_by_mode(mdev_state, mode))
		return 0;
	return oriel_draw_cursor(mdev_state, mode, shape);
}
