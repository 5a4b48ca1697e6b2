//! The D-Bus encoding of each type, little-endian, appended to a message's bytes.

use super::{Interface, Value};

pub(super) fn pad(out: &mut Vec<u8>, to: usize) {
    out.resize(out.len().next_multiple_of(to), 0);
}

pub(super) fn put_u32(out: &mut Vec<u8>, value: u32) {
    pad(out, 4);
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn put_str(out: &mut Vec<u8>, value: &str) {
    put_u32(out, u32::try_from(value.len()).expect("a short string"));
    out.extend_from_slice(value.as_bytes());
    out.push(0);
}

pub(super) fn put_signature(out: &mut Vec<u8>, signature: &str) {
    out.push(u8::try_from(signature.len()).expect("a short signature"));
    out.extend_from_slice(signature.as_bytes());
    out.push(0);
}

/// An array whose elements `fill` writes: the length does not count the padding before the first one.
pub(super) fn put_array(out: &mut Vec<u8>, element_align: usize, fill: impl FnOnce(&mut Vec<u8>)) {
    put_u32(out, 0);
    let length_at = out.len() - 4;
    pad(out, element_align);
    let start = out.len();
    fill(out);
    let length = u32::try_from(out.len() - start).expect("a short array");
    out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
}

pub(super) fn put_u32s(out: &mut Vec<u8>, values: &[u32]) {
    put_array(out, 4, |out| values.iter().for_each(|&value| put_u32(out, value)));
}

pub(super) fn put_strs(out: &mut Vec<u8>, values: &[String]) {
    put_array(out, 4, |out| values.iter().for_each(|value| put_str(out, value)));
}

pub(super) fn put_variant(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(value) => {
            put_signature(out, "b");
            put_u32(out, u32::from(*value));
        }
        Value::I32(value) => {
            put_signature(out, "i");
            put_u32(out, value.cast_unsigned());
        }
        Value::U32(value) => {
            put_signature(out, "u");
            put_u32(out, *value);
        }
        Value::Str(value) => {
            put_signature(out, "s");
            put_str(out, value);
        }
        Value::Strs(values) => {
            put_signature(out, "as");
            put_strs(out, values);
        }
        Value::U32s(values) => {
            put_signature(out, "au");
            put_u32s(out, values);
        }
    }
}

pub(super) fn put_properties(out: &mut Vec<u8>, properties: &[(&'static str, Value)]) {
    put_array(out, 8, |out| {
        for (name, value) in properties {
            pad(out, 8);
            put_str(out, name);
            put_variant(out, value);
        }
    });
}

pub(super) fn put_interfaces(out: &mut Vec<u8>, interfaces: &[Interface]) {
    put_array(out, 8, |out| {
        for (name, properties) in interfaces {
            pad(out, 8);
            put_str(out, name);
            put_properties(out, properties);
        }
    });
}
