//! What a message costs from its bytes to the mailbox: parse, decode and model, without a socket.
//!
//! Target: updates of maps and buffers below a microsecond and independent of the picture's size;
//! pictures in messages at the speed of copying memory.

use std::hint::black_box;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use oriel::clock::Time;
use oriel::display1::decode::{Descriptors, Method, decode};
use oriel::display1::wire::Message;
use oriel::frame::{Ack, Acknowledge, Event, Mailbox};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use zbus::message::Flags;

const SIZES: [(u32, u32); 3] = [(640, 480), (1920, 1080), (3840, 2160)];
const X8R8G8B8: u32 = 0x2002_0888;

struct Nobody;

impl Acknowledge for Nobody {
    fn acknowledge(&self, through: u64) {
        black_box(through);
    }
}

fn call<B: serde::Serialize + zbus::DynamicType>(method: Method, body: &B) -> (Vec<u8>, Vec<OwnedFd>) {
    let call = zbus::Message::method_call("/org/qemu/Display1/Listener", method.member())
        .interface(method.interface())
        .with_flags(Flags::NO_REPLY_EXPECTED)
        .build(body)
        .expect("a call");
    let fds = call.data().fds().iter().map(|fd| fd.as_fd().try_clone_to_owned());
    (call.data().bytes().to_vec(), fds.collect::<Result<_, _>>().expect("descriptors"))
}

fn memory(bytes: u64) -> zbus::OwnedFd {
    let fd = memfd_create("picture", MemfdFlags::CLOEXEC).expect("a memory file");
    ftruncate(&fd, bytes).expect("a size");
    fd.into()
}

/// As the loop does it.
fn hear(mailbox: &Mailbox, bytes: &[u8], fds: &mut Descriptors, answer: Option<&Arc<Nobody>>) {
    let message = Message::parse(bytes).expect("a message");
    let method = Method::find(message.interface, message.member).expect("a method");
    let mut event = decode(method, message.signature, message.body.clone(), fds).expect("an event");
    if let Event::Damage { ack, .. } = &mut event {
        *ack = answer.map(|answer| Ack::new(answer.clone(), 1));
    }
    black_box(mailbox.apply(event, Time::from_millis(1)).expect("a change"));
}

fn pictures(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("Scanout");
    for (width, height) in SIZES {
        let pixels = vec![0x5a_u8; width as usize * height as usize * 4];
        let (bytes, _) = call(Method::Scanout, &(width, height, width * 4, X8R8G8B8, &pixels[..]));
        let (mailbox, mut none) = (Mailbox::default(), Descriptors::default());
        group.throughput(Throughput::Bytes(pixels.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(format!("{width}x{height}")), |bencher| {
            bencher.iter(|| hear(&mailbox, &bytes, &mut none, None));
        });
    }
    group.finish();
}

fn parts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("Update");
    let (mailbox, mut none) = (Mailbox::default(), Descriptors::default());
    let pixels = vec![0_u8; 3840 * 2160 * 4];
    let (whole, _) = call(Method::Scanout, &(3840_u32, 2160_u32, 3840_u32 * 4, X8R8G8B8, &pixels[..]));
    hear(&mailbox, &whole, &mut none, None);
    for side in [8_u32, 64, 512] {
        let place = side.cast_signed();
        let part = &pixels[..side as usize * side as usize * 4];
        let (bytes, _) = call(Method::Update, &(5_i32, 5_i32, place, place, side * 4, X8R8G8B8, part));
        group.throughput(Throughput::Bytes(part.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(format!("{side}x{side} of 3840x2160")), |bencher| {
            bencher.iter(|| hear(&mailbox, &bytes, &mut none, None));
        });
    }
    group.finish();
}

fn maps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("UpdateMap");
    for (width, height) in SIZES {
        let (mailbox, mut fds) = (Mailbox::default(), Descriptors::default());
        let file = memory(u64::from(width) * u64::from(height) * 4);
        let (map, handles) = call(Method::ScanoutMap, &(file, 0_u32, width, height, width * 4, X8R8G8B8));
        handles.into_iter().for_each(|fd| fds.push(fd));
        hear(&mailbox, &map, &mut fds, None);
        let (bytes, _) = call(Method::UpdateMap, &(0_i32, 0_i32, width.cast_signed(), height.cast_signed()));
        group.bench_function(BenchmarkId::from_parameter(format!("{width}x{height}")), |bencher| {
            bencher.iter(|| hear(&mailbox, &bytes, &mut fds, None));
        });
    }
    group.finish();
}

fn buffers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("UpdateDMABUF");
    let answer = Arc::new(Nobody);
    for (width, height) in SIZES {
        let (mailbox, mut fds) = (Mailbox::default(), Descriptors::default());
        let file = memory(u64::from(width) * u64::from(height) * 4);
        let fourcc = u32::from_le_bytes(*b"XR24");
        let (scanout, handles) =
            call(Method::ScanoutDmabuf, &(file, width, height, width * 4, fourcc, 0_u64, false));
        handles.into_iter().for_each(|fd| fds.push(fd));
        hear(&mailbox, &scanout, &mut fds, None);
        let (bytes, _) =
            call(Method::UpdateDmabuf, &(0_i32, 0_i32, width.cast_signed(), height.cast_signed()));
        group.bench_function(BenchmarkId::from_parameter(format!("{width}x{height}")), |bencher| {
            bencher.iter(|| hear(&mailbox, &bytes, &mut fds, Some(&answer)));
        });
    }
    group.finish();
}

criterion_group!(core, pictures, parts, maps, buffers);
criterion_main!(core);
