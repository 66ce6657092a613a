//! Formats that tell at their ends: gzip (RFC 1952), bzip2, xz (the .xz file format, 1.2).

use crate::Frame;
use crate::window::{Stop, Window};

const NO_GZIP: Frame = Frame::Broken("it does not begin as gzip does");
const NO_BZIP2: Frame = Frame::Broken("it does not begin as bzip2 does");
const NO_XZ: Frame = Frame::Broken("it does not begin as xz does");
const CUT: Frame = Frame::Broken("it is cut short");

/// The last four bytes are the size of what was packed, modulo 2^32: of a file that was cut short they are anything else.
pub(crate) fn gzip<E, R: FnMut(u64, u32) -> Result<Vec<u8>, E>>(window: &mut Window<R>) -> Result<Frame, Stop<E>> {
    /// An extra field: bgzip's blocks, of which the last is empty.
    const EXTRA: u8 = 4;
    let [first, second, method, flags] = window.bytes(0)?;
    if [first, second, method] != [0x1F, 0x8B, 8] {
        return Ok(NO_GZIP);
    }
    if flags & EXTRA != 0 {
        return Ok(Frame::Untold);
    }
    let Some(end) = window.size.checked_sub(4).filter(|end| *end >= 14) else { return Ok(CUT) };
    let unpacked = window.number(end)?;
    Ok(Frame::Whole { unpacked: Some(u64::from(unpacked)) })
}

/// The stream ends with 48 bits that begin no block, 32 bits of a checksum, and up to seven more.
pub(crate) fn bzip2<E, R: FnMut(u64, u32) -> Result<Vec<u8>, E>>(window: &mut Window<R>) -> Result<Frame, Stop<E>> {
    const END: u128 = 0x1772_4538_5090;
    if window.bytes(0)? != *b"BZh" {
        return Ok(NO_BZIP2);
    }
    let Some(end) = window.size.checked_sub(11) else { return Ok(CUT) };
    let tail: [u8; 11] = window.bytes(end)?;
    let tail = tail.iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    let ends = (0..8).any(|pad| tail >> (pad + 32) & 0xFFFF_FFFF_FFFF == END);
    Ok(if ends { Frame::Whole { unpacked: None } } else { CUT })
}

/// The footer repeats the flags of the header and says where the index is, which has the sizes.
pub(crate) fn xz<E, R: FnMut(u64, u32) -> Result<Vec<u8>, E>>(window: &mut Window<R>) -> Result<Frame, Stop<E>> {
    const ENDS: u64 = 12;
    let head: [u8; 8] = window.bytes(0)?;
    let [b'\xFD', b'7', b'z', b'X', b'Z', 0, flags @ ..] = head else { return Ok(NO_XZ) };
    let Some(end) = window.size.checked_sub(ENDS) else { return Ok(CUT) };
    let foot: [u8; 12] = window.bytes(end)?;
    let [_, _, _, _, b0, b1, b2, b3, f0, f1, b'Y', b'Z'] = foot else { return Ok(CUT) };
    if [f0, f1] != flags {
        return Ok(CUT);
    }
    let index = (u64::from(u32::from_le_bytes([b0, b1, b2, b3])) + 1) * 4;
    let Some(start) = end.checked_sub(index) else { return Ok(CUT) };
    let mut at = start;
    let [indicator] = window.bytes(at)?;
    if indicator != 0 {
        return Ok(CUT);
    }
    at += 1;
    let blocks = number(window, &mut at)?;
    let (mut packed, mut unpacked) = (0_u64, 0_u64);
    for _ in 0..blocks {
        let (block, bytes) = (number(window, &mut at)?, number(window, &mut at)?);
        // Blocks fill up to four bytes.
        packed = packed.saturating_add(block.div_ceil(4).saturating_mul(4));
        unpacked = unpacked.saturating_add(bytes);
    }
    // Of several streams, one after the other, the last alone is told.
    Ok(Frame::Whole { unpacked: (ENDS + packed == start).then_some(unpacked) })
}

/// A number in pieces of seven bits, the lowest first.
fn number<E, R: FnMut(u64, u32) -> Result<Vec<u8>, E>>(window: &mut Window<R>, at: &mut u64) -> Result<u64, Stop<E>> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let [byte] = window.bytes(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Stop::Seen(CUT))
}
