//! A picture with a zip behind it: the picture leaves the zip to the second format and hands over only what stands before.

use candor_formats::{Collector, identify, second};
use candor_object::{Budget, Content, Limits};

#[test]
fn a_zip_behind_a_picture_is_left_to_the_second_format() {
    let zip = [b"PK\x03\x04".as_slice(), &[0; 40], b"PK\x05\x06", &[0; 18]].concat();
    let content = Content::from_vec([b"\x89PNG\r\n\x1a\n\0\0\0\0IEND\0\0\0\0".as_slice(), &zip].concat());
    let first = identify(&content).unwrap().unwrap();
    assert_eq!(first.file_type().name(), "png");
    let mut sink = Collector::new(Budget::new(&Limits::default(), content.size()));
    first.open(&content, &mut sink).unwrap();
    let is_zip = second(&content, first).unwrap().is_some_and(|format| format.file_type().name() == "zip");
    assert_eq!(is_zip, sink.children.is_empty(), "{:?}", sink.children);
}
