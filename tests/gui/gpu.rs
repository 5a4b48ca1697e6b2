//! Oriel's own imports, on whatever EGL there is: sealed files of memory in place of dma-bufs.

#[path = "gpu/filters.rs"]
mod filters;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use oriel::clock::{self, Time};
use oriel::frame::{Damage, Dmabuf, DmabufParts, Plane, Scanout, Wire};
use oriel::geometry::{Backing, Guest, Placement, Rect, Scaling, ScreenScale, Size};
use oriel::pixel::{Format, Fourcc, Modifier};
use oriel::present::gpu::{Gpu, Target, Wanted};
use oriel::present::ladder::Reason;
use oriel::present::view::View;
use oriel::present::viewport::Shape;
use rustix::fs::{MemfdFlags, SealFlags};

/// A buffer and what is in it.
struct Buffer {
    file: File,
    dmabuf: Arc<Dmabuf>,
}

fn memory(bytes: &[u8]) -> File {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = File::from(rustix::fs::memfd_create(name(), flags).expect("memfd"));
    file.write_all_at(bytes, 0).expect("room");
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW).expect("seals");
    file
}

/// The same for all files of a test, and no other's.
fn name() -> String {
    std::thread::current().name().expect("a test").to_owned()
}

struct Spec {
    fourcc: Fourcc,
    modifier: Modifier,
    backing: Size<Backing>,
    crop: Rect<Backing>,
    y0_top: bool,
}

impl Spec {
    fn of(format: Format, width: u32, height: u32) -> Self {
        let backing = Size::new(width, height);
        let fourcc = format.fourcc();
        Self { fourcc, modifier: Modifier::LINEAR, backing, crop: backing.at_origin(), y0_top: false }
    }

    fn buffer(self, bytes: &[u8], planes: &[(u32, u32)]) -> Buffer {
        let file = memory(bytes);
        let Self { fourcc, modifier, backing, crop, y0_top } = self;
        let stat = rustix::fs::fstat(&file).expect("a file");
        let plane = |(offset, stride): &(u32, u32)| {
            let fd = file.try_clone().expect("a descriptor").into();
            Plane { fd, offset: *offset, stride: *stride }
        };
        let planes = planes.iter().map(plane).collect();
        let file_id = (stat.st_dev, stat.st_ino);
        let parts =
            DmabufParts { file: file_id, planes, fourcc, modifier, backing, crop, y0_top, wire: Wire::V2 };
        Buffer { file, dmabuf: Arc::new(Dmabuf::new(parts).expect("a buffer")) }
    }
}

/// Bytes of a picture without two neighbours alike, in rows of `stride` bytes after `offset` bytes.
fn noise(format: Format, width: u32, height: u32, offset: u32, stride: u32) -> Vec<u8> {
    let mut bytes = vec![0; (offset + stride * height) as usize];
    let pixel = format.bytes_per_pixel();
    for y in 0..height {
        for x in 0..width * pixel {
            let at = (offset + y * stride + x) as usize;
            bytes[at] = (x.wrapping_mul(31) ^ y.wrapping_mul(57) ^ (x * y) >> 3).to_le_bytes()[0];
        }
    }
    bytes
}

fn gpu() -> Gpu {
    Gpu::open(Wanted::Any).unwrap_or_else(|reason| panic!("no EGL to test with: {reason}"))
}

const CANVAS_STRIDE: u32 = 4096;

/// Memory to draw into, for pictures of up to 1024 pixels a row.
fn canvas(gpu: &mut Gpu, width: u32, height: u32) -> (Buffer, Target) {
    let rows = height.next_multiple_of(64);
    let bytes = vec![0x55; (CANVAS_STRIDE * rows) as usize];
    let buffer = Spec::of(Format::Xrgb8888, width, height).buffer(&bytes, &[(0, CANVAS_STRIDE)]);
    let target = gpu.target(&buffer.dmabuf).expect("something to draw into");
    (buffer, target)
}

fn read(buffer: &Buffer, x: u32, y: u32) -> [u8; 3] {
    let mut pixel = [0; 4];
    buffer.file.read_exact_at(&mut pixel, u64::from(y * CANVAS_STRIDE + x * 4)).expect("a pixel");
    [pixel[2], pixel[1], pixel[0]]
}

fn placed(guest: Size<Guest>, room: (u32, u32), scaling: Scaling) -> Placement {
    Placement::new(guest, Rect::new(0, 0, room.0, room.1), ScreenScale::ONE, scaling).expect("room")
}

fn draw(gpu: &mut Gpu, scanout: &Scanout, target: &Target, placement: &Placement, damage: &Damage) {
    let view = View::new(Shape::of(scanout), *placement);
    match scanout {
        Scanout::Dmabuf(dmabuf) => _ = gpu.import(dmabuf, clock::now()).expect("an import"),
        _ => _ = gpu.upload(scanout, damage).expect("an upload"),
    }
    gpu.draw(scanout, target, &view, damage).expect("a picture");
}

#[test]
fn every_format_of_a_guest_comes_out_as_it_went_in() {
    let mut gpu = gpu();
    let mut drawn = 0;
    for &format in Format::ALL {
        for (width, height) in [(64, 48), (301, 203), (7, 5), (1, 1)] {
            let stride = (width * format.bytes_per_pixel()).next_multiple_of(4) + 64;
            let bytes = noise(format, width, height, 128, stride);
            let source = Spec::of(format, width, height).buffer(&bytes, &[(128, stride)]);
            match gpu.import(&source.dmabuf, clock::now()) {
                Ok(new) => assert!(new),
                Err(Reason::GpuFormat(fourcc, Modifier::LINEAR)) => {
                    assert!(gpu.formats().modifiers(fourcc).next().is_none(), "{fourcc} is in the table");
                    continue;
                }
                Err(reason) => panic!("{format:?}: {reason}"),
            }
            let (canvas, target) = canvas(&mut gpu, width, height);
            let scanout = Scanout::Dmabuf(source.dmabuf.clone());
            let place = placed(scanout.size(), (width, height), Scaling::OneToOne);
            draw(&mut gpu, &scanout, &target, &place, &Damage::whole(scanout.size()));
            for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                let at = (128 + y * stride + x * format.bytes_per_pixel()) as usize;
                let (drawn, sent) = (read(&canvas, x, y), format.rgb(&bytes[at..]));
                // Five bits as eight: rounding differs by one.
                let off = u8::from(format.bytes_per_pixel() == 2);
                let near = drawn.iter().zip(sent).all(|(one, other)| one.abs_diff(other) <= off);
                assert!(near, "{format:?} at {x},{y}: {drawn:?} for {sent:?}");
            }
            drawn += 1;
        }
    }
    // 32 bits with red first or last, with alpha or without, and 16 bits.
    assert!(drawn >= 5 * 4, "{drawn} formats and sizes");
}

#[test]
fn crop_flip_and_scale_are_where_they_should_be() {
    let mut gpu = gpu();
    let format = Format::Argb8888;
    let bytes = noise(format, 200, 100, 0, 800);
    for (y0_top, zoom) in [(false, 1), (true, 1), (false, 3), (true, 3)] {
        let crop = Rect::new(10, 20, 90, 50);
        let source = Spec { crop, y0_top, ..Spec::of(format, 200, 100) }.buffer(&bytes, &[(0, 800)]);
        let scanout = Scanout::Dmabuf(source.dmabuf.clone());
        let (canvas, target) = canvas(&mut gpu, 90 * zoom, 50 * zoom);
        let place = placed(scanout.size(), (90 * zoom, 50 * zoom), Scaling::Fit);
        draw(&mut gpu, &scanout, &target, &place, &Damage::whole(scanout.size()));
        for (y, x) in (0..50 * zoom).flat_map(|y| (0..90 * zoom).map(move |x| (y, x))) {
            let row = if y0_top { 20 + 49 - y / zoom } else { 20 + y / zoom };
            let at = (row * 800 + (10 + x / zoom) * 4) as usize;
            assert_eq!(read(&canvas, x, y), format.rgb(&bytes[at..]), "{y0_top} {zoom} at {x},{y}");
        }
    }
}

#[test]
fn only_what_is_old_is_drawn() {
    let mut gpu = gpu();
    let format = Format::Xrgb8888;
    let source = Spec::of(format, 100, 80).buffer(&noise(format, 100, 80, 0, 400), &[(0, 400)]);
    let scanout = Scanout::Dmabuf(source.dmabuf.clone());
    let (canvas, target) = canvas(&mut gpu, 100, 80);
    let place = placed(scanout.size(), (100, 80), Scaling::Fit);
    draw(&mut gpu, &scanout, &target, &place, &Damage::whole(scanout.size()));
    let before = read(&canvas, 50, 50);
    source.file.write_all_at(&[0; 400 * 80], 0).expect("black");
    let mut damage = Damage::NONE;
    damage.add(Rect::new(10, 10, 20, 20));
    draw(&mut gpu, &scanout, &target, &place, &damage);
    assert_eq!(read(&canvas, 10, 10), [0; 3], "what has changed");
    assert_eq!(read(&canvas, 29, 29), [0; 3], "what has changed");
    assert_eq!(read(&canvas, 50, 50), before, "what has not");
    assert_ne!(read(&canvas, 30, 29), [0; 3], "what has not");
}

#[test]
fn video_formats_are_sampled_with_their_planes() {
    let mut gpu = gpu();
    let fourcc = Fourcc::new(*b"NV12");
    // BT.601: luma 81, chroma 90 and 240 are red; 145, 54 and 34 green.
    let mut bytes = vec![0; 64 * 48];
    for (y, row) in bytes.chunks_mut(64).enumerate() {
        for (x, byte) in row.iter_mut().enumerate() {
            let left = x < 32;
            *byte = match (y < 32, left, x % 2) {
                (true, true, _) => 81,
                (true, false, _) => 145,
                (false, true, 0) => 90,
                (false, true, _) => 240,
                (false, false, 0) => 54,
                (false, false, _) => 34,
            };
        }
    }
    let source =
        Spec { fourcc, ..Spec::of(Format::Xrgb8888, 64, 32) }.buffer(&bytes, &[(0, 64), (64 * 32, 64)]);
    let scanout = Scanout::Dmabuf(source.dmabuf.clone());
    match gpu.import(&source.dmabuf, clock::now()) {
        Ok(_) => {}
        // Mesa's processors have it in their table, and cannot make it of a file of memory.
        Err(Reason::GpuRefused { fourcc: refused, .. }) => return assert_eq!(refused, fourcc),
        Err(Reason::GpuFormat(..)) if gpu.formats().modifiers(fourcc).next().is_none() => return,
        Err(reason) => panic!("{reason}"),
    }
    let (canvas, target) = canvas(&mut gpu, 64, 32);
    let place = placed(scanout.size(), (64, 32), Scaling::Fit);
    draw(&mut gpu, &scanout, &target, &place, &Damage::whole(scanout.size()));
    let [red, green, blue] = read(&canvas, 8, 16);
    assert!(red > 230 && green < 40 && blue < 40, "{red} {green} {blue}");
    let [red, green, blue] = read(&canvas, 56, 16);
    assert!(red < 40 && green > 200 && blue < 60, "{red} {green} {blue}");
}

#[test]
fn what_cannot_be_imported_says_why_and_leaves_nothing() {
    let mut gpu = gpu();
    let plain = || Spec::of(Format::Xrgb8888, 64, 32);
    let bytes = vec![0; 64 * 4 * 32];
    let tiled = Modifier(0x0300_0000_0060_6010);
    let refused = [
        Spec { modifier: tiled, ..plain() }.buffer(&bytes, &[(0, 256)]),
        Spec { fourcc: Fourcc::new(*b"XXXX"), ..plain() }.buffer(&bytes, &[(0, 256)]),
        // Beyond the end, and rows that overlap.
        plain().buffer(&bytes, &[(256, 256)]),
        plain().buffer(&bytes, &[(0, 128)]),
        Spec { fourcc: Fourcc::new(*b"NV12"), ..plain() }.buffer(&bytes, &[(0, 64)]),
    ];
    for buffer in &refused {
        let reason = gpu.import(&buffer.dmabuf, clock::now()).expect_err("a refusal");
        assert!(!reason.to_string().is_empty() && reason != Reason::GpuLost, "{reason}");
        // Asked again, it answers without asking EGL.
        assert_eq!(gpu.import(&buffer.dmabuf, clock::now()), Err(reason));
    }
    let before = descriptors();
    for _ in 0..200 {
        gpu.forget();
        for buffer in &refused {
            gpu.import(&buffer.dmabuf, clock::now()).expect_err("a refusal");
        }
    }
    assert_eq!(descriptors(), before);
}

/// Descriptors of this test's files: other tests have theirs at the same time.
fn descriptors() -> usize {
    let name = name();
    let open = std::fs::read_dir("/proc/self/fd").expect("descriptors");
    let of_ours = |path: std::path::PathBuf| path.to_string_lossy().contains(&name);
    open.filter(|entry| {
        let path = entry.as_ref().expect("a descriptor").path();
        std::fs::read_link(path).is_ok_and(of_ours)
    })
    .count()
}

#[test]
fn sixteen_buffers_in_turn_are_imported_once_each() {
    let mut gpu = gpu();
    let format = Format::Xrgb8888;
    let buffers: Vec<_> = (0..16)
        .map(|_| Spec::of(format, 64, 32).buffer(&noise(format, 64, 32, 0, 256), &[(0, 256)]))
        .collect();
    let (_canvas, target) = canvas(&mut gpu, 64, 32);
    let place = placed(Size::new(64, 32), (64, 32), Scaling::Fit);
    let mut imports = 0;
    let mut before = 0;
    for frame in 0..5000_u64 {
        let buffer = &buffers[usize::try_from(frame % 16).expect("below 16")];
        let now = Time::from_millis(frame * 16);
        imports += u32::from(gpu.import(&buffer.dmabuf, now).expect("an import"));
        let scanout = Scanout::Dmabuf(buffer.dmabuf.clone());
        let view = View::new(Shape::of(&scanout), place);
        gpu.draw(&scanout, &target, &view, &Damage::whole(Size::new(64, 32))).expect("a picture");
        if frame == 100 {
            before = descriptors();
        }
    }
    assert_eq!((imports, gpu.imports()), (16, 16));
    assert_eq!(descriptors(), before);
    // Another sixteen take their places.
    let held = descriptors();
    for round in 0..20 {
        let others: Vec<_> = (0..16)
            .map(|_| Spec::of(format, 64, 32).buffer(&noise(format, 64, 32, 0, 256), &[(0, 256)]))
            .collect();
        for buffer in &others {
            assert!(gpu.import(&buffer.dmabuf, Time::from_millis(100_000 + round)).expect("an import"));
        }
    }
    drop(buffers);
    gpu.forget();
    assert!(descriptors() <= held, "{} of {held}", descriptors());
}

#[test]
fn a_hidden_target_is_read() {
    let mut gpu = gpu();
    let format = Format::Xbgr8888;
    let bytes = noise(format, 33, 17, 0, 132);
    let source = Spec::of(format, 33, 17).buffer(&bytes, &[(0, 132)]);
    let scanout = Scanout::Dmabuf(source.dmabuf.clone());
    let target = gpu.hidden_target(Size::new(33, 17)).expect("a target");
    let place = placed(scanout.size(), (33, 17), Scaling::Fit);
    draw(&mut gpu, &scanout, &target, &place, &Damage::whole(scanout.size()));
    let mut rows = vec![0; 160 * 17];
    let all = Size::new(33, 17).at_origin();
    gpu.read(&target, std::iter::once(all), 160, &mut rows).expect("pixels");
    for (y, x) in (0..17).flat_map(|y| (0..33).map(move |x| (y, x))) {
        let rgb = Format::Xrgb8888.rgb(&rows[y * 160 + x * 4..]);
        assert_eq!(rgb, format.rgb(&bytes[y * 132 + x * 4..]), "at {x},{y}");
    }
}

#[test]
fn a_lost_gpu_says_so_and_another_takes_its_place() {
    let mut lost = gpu();
    let format = Format::Xrgb8888;
    let source = Spec::of(format, 64, 32).buffer(&noise(format, 64, 32, 0, 256), &[(0, 256)]);
    assert_eq!(lost.import(&source.dmabuf, clock::now()), Ok(true));
    let (_canvas, target) = canvas(&mut lost, 64, 32);
    lost.lose();
    let scanout = Scanout::Dmabuf(source.dmabuf.clone());
    let view = View::new(Shape::of(&scanout), placed(scanout.size(), (64, 32), Scaling::Fit));
    let damage = Damage::whole(scanout.size());
    assert_eq!(lost.draw(&scanout, &target, &view, &damage), Err(Reason::GpuLost));
    drop((target, lost));
    let mut next = gpu();
    assert_eq!(next.import(&source.dmabuf, clock::now()), Ok(true));
}

#[test]
fn two_gpus_on_one_thread_keep_out_of_each_others_way() {
    let (mut one, mut other) = (gpu(), gpu());
    let format = Format::Xrgb8888;
    let bytes = noise(format, 64, 32, 0, 256);
    let source = Spec::of(format, 64, 32).buffer(&bytes, &[(0, 256)]);
    let scanout = Scanout::Dmabuf(source.dmabuf.clone());
    let place = placed(scanout.size(), (64, 32), Scaling::Fit);
    let (first, into_first) = canvas(&mut one, 64, 32);
    let (second, into_second) = canvas(&mut other, 64, 32);
    for _ in 0..3 {
        draw(&mut one, &scanout, &into_first, &place, &Damage::whole(scanout.size()));
        draw(&mut other, &scanout, &into_second, &place, &Damage::whole(scanout.size()));
    }
    drop((one, into_first));
    draw(&mut other, &scanout, &into_second, &place, &Damage::whole(scanout.size()));
    for canvas in [&first, &second] {
        assert_eq!(read(canvas, 63, 31), format.rgb(&bytes[31 * 256 + 63 * 4..]));
    }
}

#[test]
fn a_gpu_describes_itself() {
    let gpu = gpu();
    let about = gpu.about().to_string();
    assert!(about.contains("OpenGL ES 3") && about.contains("EGL 1."), "{about}");
    assert_eq!(gpu.about().formats, gpu.formats().len());
    let none = Gpu::open(Wanted::Node("/dev/null".as_ref())).expect_err("no GPU");
    assert!(none.to_string().contains("/dev/null"), "{none}");
}
