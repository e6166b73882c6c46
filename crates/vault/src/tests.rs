//! Writing and reading of tokens, each tested against the other and against another implementation
//! of Fernet, with input cut into pieces in every way.

use std::io::{self, Read, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use proptest::prelude::*;
use rstest::rstest;
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::SpooledTempFile;

use crate::error::{SpoolError, Unreadable};
use crate::fernet::{BLOCK_BYTES, FernetKeys, HEADER_BYTES, Sealer};
use crate::place::Place;
use crate::read::{ObjectReader, SPOOL_MEMORY, Spooled, Spooler, StoredAs};
use crate::write::{Compression, Encoder};

fn new_keys(count: usize) -> (Vec<String>, FernetKeys) {
    let texts: Vec<String> = (0..count)
        .map(|_| FernetKeys::generate().expose_secret().to_owned())
        .collect();
    let keys = parse(&texts);
    (texts, keys)
}

fn parse(texts: &[String]) -> FernetKeys {
    FernetKeys::parse(&SecretString::from(texts.join(","))).unwrap()
}

fn seal(keys: &FernetKeys, compression: Compression, pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    let place = Place::of("folder/key");
    let mut encoder = Encoder::sealed(keys, compression, &place, &mut out).unwrap();
    for piece in pieces {
        encoder.push(piece, &mut out).unwrap();
    }
    encoder.finish(&mut out);
    out
}

fn spool(keys: &FernetKeys, stored: &[u8], step: usize) -> Result<Spooled, Unreadable> {
    let mut spooler = Spooler::new(keys.clone());
    let result = stored
        .chunks(step)
        .try_for_each(|chunk| spooler.push(chunk))
        .and_then(|()| spooler.finish());
    result.map_err(|error| match error {
        SpoolError::Unreadable(why) => why,
        SpoolError::Scratch(error) => panic!("{error}"),
    })
}

fn open(keys: &FernetKeys, stored: &[u8], step: usize) -> Result<(StoredAs, Vec<u8>), Unreadable> {
    let spooled = spool(keys, stored, step)?;
    let mut reader = ObjectReader::new("key", None, 0, spooled).unwrap();
    let mut plain = Vec::new();
    reader.read_to_end(&mut plain).unwrap();
    Ok((reader.info().stored_as, plain))
}

fn text_of(stored: Vec<u8>) -> String {
    String::from_utf8(stored).unwrap()
}

/// Bytes, and the positions where they are cut.
fn cut_bytes() -> impl Strategy<Value = (Vec<u8>, Vec<usize>)> {
    proptest::collection::vec(any::<u8>(), 0..600).prop_flat_map(|bytes| {
        let cuts = proptest::collection::vec(0..=bytes.len(), 0..6);
        (Just(bytes), cuts)
    })
}

fn pieces<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts = cuts.to_vec();
    cuts.sort_unstable();
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain(std::iter::once(bytes.len()));
    starts
        .zip(ends)
        .map(|(start, end)| &bytes[start..end])
        .collect()
}

proptest! {
    #[test]
    fn what_is_sealed_opens(
        (bytes, cuts) in cut_bytes(), step in 1_usize..400, zstd in any::<bool>(),
    ) {
        let (_, keys) = new_keys(2);
        let compression = if zstd { Compression::Zstd } else { Compression::None };
        let stored = seal(&keys, compression, &pieces(&bytes, &cuts));
        let (stored_as, plain) = open(&keys, &stored, step).unwrap();
        prop_assert_eq!(stored_as, StoredAs::Sealed { key_index: 0, compressed: zstd });
        prop_assert_eq!(plain, bytes);
    }

    #[test]
    fn another_implementation_opens_what_is_sealed_here((bytes, cuts) in cut_bytes()) {
        let (texts, keys) = new_keys(1);
        let stored = seal(&keys, Compression::None, &pieces(&bytes, &cuts));
        let other = fernet::Fernet::new(&texts[0]).unwrap();
        prop_assert_eq!(other.decrypt(&text_of(stored)).unwrap(), bytes);
    }

    #[test]
    fn what_another_implementation_sealed_opens_here(
        bytes in proptest::collection::vec(any::<u8>(), 0..600), step in 1_usize..400,
    ) {
        let (texts, keys) = new_keys(1);
        let stored = fernet::Fernet::new(&texts[0]).unwrap().encrypt(&bytes);
        let (_, plain) = open(&keys, stored.as_bytes(), step).unwrap();
        prop_assert_eq!(plain, bytes);
    }

    #[test]
    fn no_changed_bit_passes(
        bytes in proptest::collection::vec(any::<u8>(), 0..100),
        place in any::<prop::sample::Index>(), bit in 0_u32..8,
    ) {
        let (_, keys) = new_keys(2);
        let mut token = URL_SAFE.decode(seal(&keys, Compression::None, &[&bytes])).unwrap();
        let place = place.index(token.len());
        token[place] ^= 1 << bit;
        let stored = URL_SAFE.encode(token);
        prop_assert!(spool(&keys, stored.as_bytes(), 50).is_err());
    }

    #[test]
    fn no_shortened_token_passes(
        bytes in proptest::collection::vec(any::<u8>(), 0..100),
        kept in any::<prop::sample::Index>(),
    ) {
        let (_, keys) = new_keys(1);
        let stored = seal(&keys, Compression::None, &[&bytes]);
        let kept = kept.index(stored.len());
        prop_assert!(spool(&keys, &stored[..kept], 50).is_err());
    }

    #[test]
    fn no_input_at_all_makes_it_panic(
        stored in proptest::collection::vec(any::<u8>(), 0..300), step in 1_usize..40,
    ) {
        let (_, keys) = new_keys(1);
        let _ = spool(&keys, &stored, step);
    }
}

#[rstest]
#[case(15)]
#[case(16)]
#[case(17)]
#[case(SPOOL_MEMORY - 1)]
#[case(SPOOL_MEMORY)]
#[case(SPOOL_MEMORY + 1)]
fn sizes_around_a_block_and_the_spool(#[case] size: usize) {
    let (texts, keys) = new_keys(1);
    let bytes: Vec<u8> = (0..size)
        .map(|index| index.to_le_bytes()[index % 3])
        .collect();
    let stored = seal(&keys, Compression::None, &[&bytes]);
    assert!(open(&keys, &stored, 100_000).unwrap().1 == bytes);
    let other = fernet::Fernet::new(&texts[0]).unwrap();
    assert!(other.decrypt(&text_of(stored)).unwrap() == bytes);
}

#[test]
fn every_key_of_the_list_opens_and_the_index_tells_which() {
    let (texts, keys) = new_keys(3);
    for (key_index, text) in texts.iter().enumerate() {
        let stored = seal(
            &parse(std::slice::from_ref(text)),
            Compression::None,
            &[b"trips"],
        );
        let (stored_as, plain) = open(&keys, &stored, 7).unwrap();
        assert_eq!(
            stored_as,
            StoredAs::Sealed {
                key_index,
                compressed: false
            }
        );
        assert_eq!(plain, b"trips");
    }
}

#[test]
fn a_key_that_is_not_in_the_list_opens_nothing() {
    let (_, keys) = new_keys(1);
    let (_, other_keys) = new_keys(2);
    let stored = seal(&keys, Compression::Zstd, &[b"trips"]);
    assert_eq!(
        spool(&other_keys, &stored, 50).err(),
        Some(Unreadable::NoKeyFits { keys: 2 })
    );
}

#[rstest]
#[case(b"{}")]
#[case(b"[1]")]
#[case(b" \r\n\t{}")]
#[case(b"\xEF\xBB\xBF{}")]
#[case(b"\xEF\xBB\xBF \n[]")]
fn plain_json_is_told_by_its_first_character(#[case] text: &[u8]) {
    let (_, keys) = new_keys(1);
    for step in 1..=text.len() {
        assert_eq!(
            open(&keys, text, step).unwrap(),
            (StoredAs::Plain, text.to_vec())
        );
    }
}

#[rstest]
#[case::nothing(b"", Unreadable::Empty)]
#[case::space(b" \n ", Unreadable::Empty)]
#[case::part_of_a_mark(b"\xEF\xBB", Unreadable::Empty)]
#[case::text(b"hello, world", Unreadable::Unknown)]
#[case::page(b"<html></html>", Unreadable::Unknown)]
#[case::other_base64(b"aGVsbG8gd29ybGQh", Unreadable::Unknown)]
#[case::first_byte_only(b"gAAA", Unreadable::CutShort)]
fn what_is_neither_is_refused(#[case] stored: &[u8], #[case] expected: Unreadable) {
    let (_, keys) = new_keys(1);
    assert_eq!(spool(&keys, stored, 3).err(), Some(expected));
}

#[test]
fn leading_space_has_an_end() {
    let (_, keys) = new_keys(1);
    assert_eq!(
        spool(&keys, &[b' '; 100_000], 1000).err(),
        Some(Unreadable::Unknown)
    );
}

#[test]
fn line_breaks_in_a_token_are_passed_over_and_text_after_it_is_not() {
    let (_, keys) = new_keys(1);
    let stored = text_of(seal(&keys, Compression::None, &[b"trips"]));
    let broken: String = stored.chars().flat_map(|c| [c, '\n']).collect();
    assert_eq!(open(&keys, broken.as_bytes(), 9).unwrap().1, b"trips");
    for step in [1, 4, 1000] {
        assert!(spool(&keys, format!("{stored}AAAA").as_bytes(), step).is_err());
    }
}

#[test]
fn authentic_content_that_does_not_decompress_is_an_error_and_not_an_end() {
    let (_, keys) = new_keys(1);
    let mut frame = zstd::encode_all(&[7_u8; 5000][..], 3).unwrap();
    frame.truncate(frame.len() - 3);
    let stored = seal(&keys, Compression::None, &[&frame]);
    let mut reader =
        ObjectReader::new("a/key", None, 0, spool(&keys, &stored, 100).unwrap()).unwrap();
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(error.to_string().contains("a/key"), "{error}");
}

#[test]
fn a_token_with_wrong_padding_is_an_error() {
    let (_, keys) = new_keys(1);
    // A header and two blocks are a multiple of three bytes, so all of their text is written. Only
    // the first block is kept. Its last byte is not padding.
    let mut text = Vec::new();
    let mut sealer = Sealer::new(keys.first(), &mut text);
    sealer.push(&[0; 2 * BLOCK_BYTES], &mut text);
    let mut token = URL_SAFE.decode(text).unwrap();
    token.truncate(HEADER_BYTES + BLOCK_BYTES);
    let mut mac = keys.first().mac();
    hmac::Mac::update(&mut mac, &token);
    token.extend_from_slice(&hmac::Mac::finalize(mac).into_bytes());
    let spooled = spool(&keys, URL_SAFE.encode(token).as_bytes(), 100).unwrap();
    let error = ObjectReader::new("key", None, 0, spooled).unwrap_err();
    assert!(error.to_string().contains("does not decrypt"), "{error}");
}

#[test]
fn a_spool_beyond_its_memory_is_a_file() {
    let mut file = SpooledTempFile::new(SPOOL_MEMORY);
    file.write_all(&vec![0; SPOOL_MEMORY + 1]).unwrap();
    assert!(file.is_rolled());
}
