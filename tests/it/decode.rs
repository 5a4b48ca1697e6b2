//! The wire format and the decoder under any bytes: no panic, and what comes out is valid.

use oriel::clock::Time;
use oriel::display1::decode::{Descriptors, Method, decode};
use oriel::display1::wire::{self, HEADER, Kind, MAX_MESSAGE, Message};
use oriel::frame::{Event, Mailbox, Scanout};
use oriel::geometry::Size;
use proptest::prelude::*;
use zbus::message::Flags;

const PATH: &str = "/org/qemu/Display1/Listener";

/// A call as zbus writes it, which is another implementation than ours.
fn call<B: serde::Serialize + zbus::DynamicType>(
    method: Method,
    endian: zbus::wire::Endian,
    body: &B,
) -> Vec<u8> {
    zbus::Message::method_call(PATH, method.member())
        .endian(endian)
        .interface(method.interface())
        .with_flags(Flags::NO_REPLY_EXPECTED)
        .build(body)
        .unwrap()
        .data()
        .bytes()
        .to_vec()
}

fn memory(bytes: u64) -> std::os::fd::OwnedFd {
    let fd = rustix::fs::memfd_create("picture", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&fd, bytes).unwrap();
    fd
}

#[test]
fn a_call_of_another_implementation_is_read_in_either_byte_order() {
    for endian in [zbus::wire::LE, zbus::wire::BE] {
        let bytes = call(Method::UpdateMap, endian, &(1_i32, -2_i32, 3_i32, i32::MIN));
        assert_eq!(wire::message_length(&bytes).unwrap(), Some(bytes.len()));
        assert_eq!(wire::message_length(&bytes[..HEADER]).unwrap(), Some(bytes.len()));
        assert_eq!(wire::message_length(&bytes[..HEADER - 1]).unwrap(), None);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.kind, Kind::Call { wants_reply: false });
        assert_eq!((message.path, message.member, message.signature), (PATH, "UpdateMap", "iiii"));
        let mut args = message.body.clone();
        let numbers = [args.i32().unwrap(), args.i32().unwrap(), args.i32().unwrap(), args.i32().unwrap()];
        assert_eq!(numbers, [1, -2, 3, i32::MIN]);
        assert!(args.is_empty() && args.u32().is_err());
    }
}

#[test]
fn a_reply_is_read_by_another_implementation() {
    let mut bytes = Vec::new();
    wire::write_reply(&mut bytes, 7, 9);
    wire::write_error(&mut bytes, 8, 10, "org.qemu.Display1.Error.Invalid", "why");
    wire::write_value(&mut bytes, 9, 11, "s", b"\x02\0\0\0ok\0");
    let mut replies = Vec::new();
    while !bytes.is_empty() {
        let length = wire::message_length(&bytes).unwrap().unwrap();
        let rest = bytes.split_off(length);
        let context = zbus::wire::serialized::Context::new(zbus::wire::LE, 0);
        let (header, _) = zbus::wire::serialized::Data::new(bytes.clone(), context)
            .deserialize::<zbus::message::Header<'_>>()
            .map(|(header, length)| {
                let reply_to = header.reply_serial().map(u32::from);
                let error = header.error_name().map(ToString::to_string);
                ((header.message_type(), reply_to, error, header.signature().to_string_no_parens()), length)
            })
            .unwrap();
        replies.push(header);
        bytes = rest;
    }
    use zbus::message::Type;
    let error = Some("org.qemu.Display1.Error.Invalid".to_owned());
    let expected = [
        (Type::MethodReturn, Some(9), None, String::new()),
        (Type::Error, Some(10), error, "s".to_owned()),
        (Type::MethodReturn, Some(11), None, "s".to_owned()),
    ];
    assert_eq!(replies, expected);
}

#[test]
fn methods_are_found_by_interface_and_member() {
    for method in Method::ALL {
        assert_eq!(Method::find(method.interface(), method.member()), Some(*method));
        assert_eq!(Method::find("", method.member()), Some(*method));
        assert_eq!(Method::find("org.example", method.member()), None);
    }
    assert_eq!(Method::find("org.qemu.Display1.Listener", "GetAll"), None);
}

#[test]
fn header_fields_that_we_do_not_know_are_passed_over() {
    // Destination, sender and a field of the future, of each basic type.
    let mut fields = Vec::new();
    let types: [(u8, &[u8]); 7] = [
        (b's', b"\x03\0\0\0abc\0"),
        (b'o', b"\x01\0\0\0/\0"),
        (b'g', b"\x01i\0"),
        (b'y', b"\x07"),
        (b'u', b"\x07\0\0\0"),
        (b't', b"\0\0\0\0\x07\0\0\0\0\0\0\0"),
        (b'b', b"\x01\0\0\0"),
    ];
    for (code, (kind, value)) in (100..).zip(types) {
        fields.resize(fields.len().next_multiple_of(8), 0);
        fields.extend([code, 1, kind, 0]);
        fields.extend(value);
    }
    fields.resize(fields.len().next_multiple_of(8), 0);
    fields.extend(b"\x03\x01s\0\x07\0\0\0Disable\0");
    let mut bytes = b"l\x01\x01\x01\0\0\0\0\x01\0\0\0".to_vec();
    bytes.extend(u32::try_from(fields.len()).unwrap().to_le_bytes());
    bytes.extend(fields);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    assert_eq!(Message::parse(&bytes).unwrap().member, "Disable");
}

/// What the loop does with one message, without a socket.
fn hear(mailbox: &Mailbox, bytes: &[u8], fds: &mut Descriptors) -> bool {
    let Ok(message) = Message::parse(bytes) else { return false };
    let Some(method) = Method::find(message.interface, message.member) else { return false };
    let Ok(event) = decode(method, message.signature, message.body.clone(), fds) else { return false };
    mailbox.apply(event, Time::from_millis(1)).is_ok()
}

/// What holds of every picture that got this far.
fn check(mailbox: &Mailbox) {
    match mailbox.current() {
        Some(Scanout::Pixels(pixels)) => {
            let bytes = u64::from(pixels.stride()) * u64::from(pixels.size().height);
            assert_eq!(pixels.read().len() as u64, bytes);
        }
        Some(Scanout::Mapped(mapped)) => {
            let file = rustix::fs::fstat(mapped.fd()).unwrap();
            let rows = u64::from(mapped.stride()) * u64::from(mapped.size().height - 1);
            let row = u64::from(mapped.size().width) * u64::from(mapped.format().bytes_per_pixel());
            assert!(u64::from(mapped.offset()) + rows + row <= u64::try_from(file.st_size).unwrap());
        }
        Some(Scanout::Dmabuf(dmabuf)) => {
            assert!((1..=4).contains(&dmabuf.planes().len()));
            assert!(dmabuf.backing().at_origin().contains(dmabuf.crop()));
        }
        Some(Scanout::Blank) | None => {}
    }
}

/// Numbers that are likely to be wrong in an interesting way.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 0..70_u32,
        1 => Just(65_535),
        1 => Just(u32::MAX),
        1 => Just(0x8000_0000),
        1 => Just(0x2002_0888),
        1 => any::<u32>(),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(Some(length)) = wire::message_length(&bytes) {
            prop_assert!((HEADER..=MAX_MESSAGE).contains(&length));
        }
        if let Ok(message) = Message::parse(&bytes) {
            let mut args = message.body.clone();
            while args.string().is_ok() {}
            let _ = (args.u64(), args.words().map(|words| words.get(0)), args.bytes().map(<[u8]>::len));
        }
    }

    #[test]
    fn any_arguments_of_every_method_make_a_valid_picture_or_an_error(
        body in prop::collection::vec(prop_oneof![Just(0_u8), 0..20_u8, any::<u8>()], 0..200),
        file in 0..5000_u64,
    ) {
        // A reply without fields: all of its bytes after the header are the body.
        let mut bytes = b"l\x02\x01\x01\0\0\0\0\x01\0\0\0\0\0\0\0".to_vec();
        bytes.extend(body);
        let message = Message::parse(&bytes).unwrap();
        for method in Method::ALL {
            let mailbox = Mailbox::default();
            let mut fds = Descriptors::default();
            fds.push(memory(file));
            if let Ok(event) = decode(*method, method.signature(), message.body.clone(), &mut fds) {
                let _ = mailbox.apply(event, Time::from_millis(1));
                check(&mailbox);
            }
        }
    }

    #[test]
    fn a_message_with_any_byte_changed_breaks_nothing(
        at in 0..400_usize,
        byte: u8,
        cut in 0..400_usize,
        which in 0..4_usize,
    ) {
        let mut bytes = match which {
            0 => call(Method::Scanout, zbus::wire::LE, &(4_u32, 4_u32, 16_u32, 0x2002_0888_u32, &[0_u8; 64][..])),
            1 => call(Method::Update, zbus::wire::BE, &(0_i32, 0_i32, 4_i32, 4_i32, 16_u32, 0x2002_0888_u32, &[0_u8; 64][..])),
            2 => call(Method::CursorDefine, zbus::wire::LE, &(4_i32, 4_i32, 0_i32, 0_i32, &[0_u8; 64][..])),
            _ => call(Method::UpdateDmabuf, zbus::wire::LE, &(0_i32, 0_i32, 4_i32, 4_i32)),
        };
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len().saturating_sub(cut % 80));
        let mailbox = Mailbox::default();
        hear(&mailbox, &bytes, &mut Descriptors::default());
        check(&mailbox);
    }

    #[test]
    fn any_numbers_make_a_valid_picture_or_an_error(
        numbers in prop::collection::vec(number(), 12),
        length in 0..20_000_usize,
        file in 0..20_000_u64,
        modifier in prop_oneof![Just(0_u64), any::<u64>()],
        words in prop::collection::vec(number(), 0..6),
        indices in prop::collection::vec(0..3_u32, 0..6),
    ) {
        let mailbox = Mailbox::default();
        let n = |index: usize| numbers[index];
        let i = |index: usize| numbers[index].cast_signed();
        let pixels = vec![0_u8; length];
        let le = zbus::wire::LE;
        let hear = |bytes: Vec<u8>| {
            let mut fds = Descriptors::default();
            fds.push(memory(file));
            fds.push(memory(file));
            super::decode::hear(&mailbox, &bytes, &mut fds);
            check(&mailbox);
        };
        hear(call(Method::Scanout, le, &(n(0), n(1), n(2), n(3), &pixels[..])));
        hear(call(Method::Update, le, &(i(0), i(1), i(2), i(3), n(4), n(5), &pixels[..])));
        hear(with_index("huuuuu", |b| [0, n(0), n(1), n(2), n(3), n(4)].iter().for_each(|w| b.u32(*w)), Method::ScanoutMap));
        hear(with_index("huuuutb", |b| {
            [1, n(0), n(1), n(2), n(3)].iter().for_each(|w| b.u32(*w));
            b.u64(modifier);
            b.u32(n(5));
        }, Method::ScanoutDmabuf));
        hear(with_index("ahuuuuauauuuuutb", |b| {
            b.words(&indices);
            [n(0), n(1), n(2), n(3)].iter().for_each(|w| b.u32(*w));
            b.words(&words);
            b.words(&words);
            [n(4), n(5), n(6), n(7)].iter().for_each(|w| b.u32(*w));
            b.u64(modifier);
            b.u32(1);
        }, Method::ScanoutDmabuf2));
        hear(call(Method::UpdateMap, le, &(i(0), i(1), i(2), i(3))));
        hear(call(Method::CursorDefine, le, &(i(0), i(1), i(2), i(3), &pixels[..])));
        hear(call(Method::MouseSet, le, &(i(0), i(1), i(2))));
    }
}

/// Marshals arguments with descriptors' indices, which zbus takes only with descriptors.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn pad(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    fn u32(&mut self, word: u32) {
        self.pad(4);
        self.0.extend(word.to_le_bytes());
    }

    fn u64(&mut self, word: u64) {
        self.pad(8);
        self.0.extend(word.to_le_bytes());
    }

    fn words(&mut self, words: &[u32]) {
        self.u32(u32::try_from(words.len() * 4).unwrap());
        words.iter().for_each(|word| self.u32(*word));
    }
}

fn with_index(signature: &str, fill: impl FnOnce(&mut Body), method: Method) -> Vec<u8> {
    let mut body = Body::default();
    fill(&mut body);
    let mut bytes = b"l\x01\x01\x01".to_vec();
    bytes.extend(u32::try_from(body.0.len()).unwrap().to_le_bytes());
    bytes.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    let strings = [(2, method.interface()), (3, method.member())];
    for (code, text) in strings {
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend([code, 1, b's', 0]);
        bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.push(0);
    }
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes.extend([8, 1, b'g', 0, u8::try_from(signature.len()).unwrap()]);
    bytes.extend(signature.as_bytes());
    bytes.push(0);
    let fields = u32::try_from(bytes.len() - HEADER).unwrap();
    bytes[12..HEADER].copy_from_slice(&fields.to_le_bytes());
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes.extend(body.0);
    bytes
}

#[test]
fn messages_written_by_hand_here_are_sound() {
    let bytes = with_index(
        "huuuuu",
        |body| [0, 0, 4, 4, 16, 0x2002_0888].iter().for_each(|word| body.u32(*word)),
        Method::ScanoutMap,
    );
    let mailbox = Mailbox::default();
    let mut fds = Descriptors::default();
    fds.push(memory(64));
    assert!(hear(&mailbox, &bytes, &mut fds));
    assert_eq!(mailbox.current().map(|scanout| scanout.size()), Some(Size::new(4, 4)));
}

#[test]
fn an_update_of_a_buffer_has_no_reply_of_its_own() {
    let bytes = call(Method::UpdateDmabuf, zbus::wire::LE, &(1_i32, 2_i32, 3_i32, 4_i32));
    let message = Message::parse(&bytes).unwrap();
    let mut fds = Descriptors::default();
    let event = decode(Method::UpdateDmabuf, message.signature, message.body, &mut fds).unwrap();
    assert!(matches!(event, Event::Damage { x: 1, y: 2, width: 3, height: 4, ack: None }));
}
