//! Profile photos: their size, from the content.

use crate::edm::media::Media;

/// Returns the members of a photo that follow from its content: the size, and the id that is the size (pages on profilePhoto of
/// learn.microsoft.com/graph/api).
pub(super) fn members(media: &Media) -> String {
    let Some((width, height)) = size_of_image(media.bytes()) else { return String::new() };
    format!(r#""id":"{width}X{height}","height":{height},"width":{width}"#)
}

/// Returns width and height of an image in PNG, GIF or JPEG.
fn size_of_image(bytes: &[u8]) -> Option<(u32, u32)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        let number = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
        return Some((number(16)?, number(20)?));
    }
    if bytes.starts_with(b"GIF8") {
        let number = |at: usize| Some(u32::from(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?)));
        return Some((number(6)?, number(8)?));
    }
    size_of_jpeg(bytes.strip_prefix(&[0xff, 0xd8])?)
}

/// Returns the size in the first frame header of a JPEG (ITU-T T.81, B.2.2).
fn size_of_jpeg(mut rest: &[u8]) -> Option<(u32, u32)> {
    loop {
        let [0xff, marker, high, low, ..] = *rest else { return None };
        let is_frame = matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc);
        if is_frame {
            let number = |at: usize| Some(u32::from(u16::from_be_bytes(*rest.get(at..)?.first_chunk()?)));
            return Some((number(7)?, number(5)?));
        }
        rest = rest.get(2 + usize::from(u16::from_be_bytes([high, low]))..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_size_of_an_image_is_in_its_header() {
        let png = [&b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"[..], &[0, 0, 0, 240, 0, 0, 1, 0]].concat();
        let gif = [&b"GIF89a"[..], &[240, 0, 0, 1]].concat();
        let jpeg = [&[0xff, 0xd8, 0xff, 0xe0, 0, 4, 9, 9, 0xff, 0xc0, 0, 17, 8][..], &[1, 0, 0, 240]].concat();
        for image in [png, gif, jpeg] {
            assert_eq!(size_of_image(&image), Some((240, 256)));
            assert!((0..image.len()).all(|end| size_of_image(&image[..end]).is_none()));
        }
        assert_eq!(members(&Media::new("image/png", b"none")), "");
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = size_of_image(&[&[0xff, 0xd8][..], &bytes].concat());
        }
    }
}
