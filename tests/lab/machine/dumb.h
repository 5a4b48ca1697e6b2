/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lets clients of vgem's render node allocate: its dumb buffers are otherwise for the card node alone,
 * but compositors and GBM take their buffers from a render node, as every GPU's driver gives them.
 *
 * Included by vgem_drv.c of Linux in place of DEFINE_DRM_GEM_FOPS.
 */
#include <linux/uaccess.h>
#include <drm/drm_gem.h>

static int oriel_create_dumb(struct drm_device *dev, void *data, struct drm_file *file)
{
	struct drm_mode_create_dumb *args = data;

	/* As the kernel's own drm_mode_create_dumb() does, so that no size can overflow. */
	if (!args->width || !args->height || !args->bpp || args->bpp > 64 ||
	    args->width > 16384 || args->height > 16384)
		return -EINVAL;
	args->handle = 0;
	args->pitch = 0;
	args->size = 0;
	return dev->driver->dumb_create(file, dev, args);
}

/*
 * Other than the kernel's own, this also maps what another driver has exported, as every GPU's driver
 * can read it: Mesa's software renderer has no other way to it.
 */
static int oriel_map_dumb(struct drm_device *dev, void *data, struct drm_file *file)
{
	struct drm_mode_map_dumb *args = data;
	struct drm_gem_object *object = drm_gem_object_lookup(file, args->handle);
	int ret;

	if (!object)
		return -ENOENT;
	ret = drm_gem_create_mmap_offset(object);
	if (!ret)
		args->offset = drm_vma_node_offset_addr(&object->vma_node);
	drm_gem_object_put(object);
	return ret;
}

static int oriel_destroy_dumb(struct drm_device *dev, void *data, struct drm_file *file)
{
	struct drm_mode_destroy_dumb *args = data;

	return drm_gem_handle_delete(file, args->handle);
}

/* Calls one of the above with its argument, which is copied in and out. */
static long oriel_call(struct file *filp, drm_ioctl_t call, unsigned long arg, size_t size)
{
	char data[sizeof(struct drm_mode_create_dumb)] __aligned(8) = {};
	long ret;

	if (copy_from_user(data, (void __user *)arg, size))
		return -EFAULT;
	ret = drm_ioctl_kernel(filp, call, data, DRM_RENDER_ALLOW);
	return copy_to_user((void __user *)arg, data, size) ? -EFAULT : ret;
}

static long oriel_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case DRM_IOCTL_MODE_CREATE_DUMB:
		return oriel_call(filp, oriel_create_dumb, arg, sizeof(struct drm_mode_create_dumb));
	case DRM_IOCTL_MODE_MAP_DUMB:
		return oriel_call(filp, oriel_map_dumb, arg, sizeof(struct drm_mode_map_dumb));
	case DRM_IOCTL_MODE_DESTROY_DUMB:
		return oriel_call(filp, oriel_destroy_dumb, arg, sizeof(struct drm_mode_destroy_dumb));
	default:
		return drm_ioctl(filp, cmd, arg);
	}
}

static const struct file_operations vgem_driver_fops = {
	.owner = THIS_MODULE,
	.open = drm_open,
	.release = drm_release,
	.unlocked_ioctl = oriel_ioctl,
	.compat_ioctl = drm_compat_ioctl,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = drm_gem_mmap,
	.fop_flags = FOP_UNSIGNED_OFFSET,
};
