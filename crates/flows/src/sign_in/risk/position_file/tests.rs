//! Tests with a small writer of the format (`MaxMind` DB file format specification 2.0).

use proptest::prelude::*;

use super::*;

/// A value of the data section.
enum Value<'v> {
    Text(&'v str),
    Double(f64),
    Short(u16),
    Number(u32),
    Long(u64),
    Map(&'v [(&'v str, Value<'v>)]),
    Array(&'v [Value<'v>]),
}

fn write(value: &Value<'_>, into: &mut Vec<u8>) {
    let header = |kind: u8, size: usize| {
        let size = u8::try_from(size).unwrap();
        assert!(size < 29, "longer sizes have another form");
        if kind < 8 { vec![(kind << 5) | size] } else { vec![size, kind - 7] }
    };
    match value {
        Value::Text(text) => {
            into.extend(header(2, text.len()));
            into.extend(text.as_bytes());
        }
        Value::Double(number) => {
            into.extend(header(3, 8));
            into.extend(number.to_be_bytes());
        }
        Value::Short(number) => {
            into.extend(header(5, 2));
            into.extend(number.to_be_bytes());
        }
        Value::Number(number) => {
            into.extend(header(6, 4));
            into.extend(number.to_be_bytes());
        }
        Value::Long(number) => {
            into.extend(header(9, 8));
            into.extend(number.to_be_bytes());
        }
        Value::Map(members) => {
            into.extend(header(7, members.len()));
            for (name, value) in *members {
                write(&Value::Text(name), into);
                write(value, into);
            }
        }
        Value::Array(values) => {
            into.extend(header(11, values.len()));
            values.iter().for_each(|value| write(value, into));
        }
    }
}

/// A file whose addresses with a first bit of 1 have the record, and the others none.
fn file(record: &Value<'_>, ip_version: u16) -> Vec<u8> {
    const NODES: u32 = 1;
    const SEPARATOR: u32 = 16;
    let mut bytes = Vec::new();
    for pointer in [NODES, NODES + SEPARATOR] {
        bytes.extend(&pointer.to_be_bytes()[1..]);
    }
    bytes.extend([0; 16]);
    write(record, &mut bytes);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    let metadata = Value::Map(&[
        ("binary_format_major_version", Value::Short(2)),
        ("binary_format_minor_version", Value::Short(0)),
        ("build_epoch", Value::Long(1_800_000_000)),
        ("database_type", Value::Text("Test-City")),
        ("description", Value::Map(&[("en", Value::Text("a test"))])),
        ("ip_version", Value::Short(ip_version)),
        ("languages", Value::Array(&[Value::Text("en")])),
        ("node_count", Value::Number(NODES)),
        ("record_size", Value::Short(24)),
    ]);
    write(&metadata, &mut bytes);
    bytes
}

fn berlin() -> Vec<u8> {
    let location = Value::Map(&[
        ("latitude", Value::Double(52.52)),
        ("longitude", Value::Double(13.405)),
        ("accuracy_radius", Value::Short(20)),
    ]);
    file(&Value::Map(&[("location", location)]), 4)
}

fn look_up(content: Vec<u8>, address: &str) -> Option<Position> {
    Positions::parse(content).unwrap().position(address.parse().unwrap())
}

fn of_location(members: &[(&str, Value<'_>)]) -> Option<Position> {
    // Copied member by member, because the writer takes a slice of whole values.
    let mut bytes = Vec::new();
    write(&Value::Map(members), &mut bytes);
    let mut content = file(&Value::Map(&[("location", Value::Number(0))]), 4);
    let place = content.windows(6).position(|it| it == [0xc4, 0, 0, 0, 0, 0xab]).unwrap();
    content.splice(place..place + 5, bytes);
    look_up(content, "192.0.2.1")
}

#[test]
fn an_address_has_the_position_of_its_network() {
    let expected = Position { latitude: 52.52, longitude: 13.405, accuracy_km: 20 };
    assert_eq!(look_up(berlin(), "192.0.2.1"), Some(expected));
    assert_eq!(look_up(berlin(), "10.0.0.1"), None);
    assert_eq!(look_up(berlin(), "2001:db8::1"), None, "the file has IPv4 only");
}

#[test]
fn a_missing_radius_is_that_of_a_country() {
    let members = [("latitude", Value::Double(-90.0)), ("longitude", Value::Double(180.0))];
    let expected = Position { latitude: -90.0, longitude: 180.0, accuracy_km: 500 };
    assert_eq!(of_location(&members), Some(expected));
}

#[test]
fn a_radius_may_have_another_type() {
    let members = |radius| {
        [
            ("latitude", Value::Double(0.0)),
            ("longitude", Value::Double(0.0)),
            ("accuracy_radius", radius),
        ]
    };
    for radius in [Value::Short(7), Value::Number(7), Value::Long(7)] {
        assert_eq!(of_location(&members(radius)).map(|found| found.accuracy_km), Some(7));
    }
    assert_eq!(of_location(&members(Value::Long(1 << 32))), None);
    assert_eq!(of_location(&members(Value::Text("far"))), None);
}

#[test]
fn a_record_of_another_form_has_no_position() {
    assert_eq!(look_up(file(&Value::Map(&[]), 4), "192.0.2.1"), None);
    assert_eq!(look_up(file(&Value::Text("Berlin"), 4), "192.0.2.1"), None);
    assert_eq!(look_up(file(&Value::Map(&[]), 6), "2001:db8::1"), None);
    let double = Value::Double;
    assert_eq!(of_location(&[("latitude", double(1.0))]), None);
    assert_eq!(of_location(&[("longitude", double(1.0))]), None);
    assert_eq!(of_location(&[("latitude", Value::Text("1")), ("longitude", double(1.0))]), None);
    for (latitude, longitude) in
        [(90.1, 0.0), (0.0, 180.1), (f64::NAN, 0.0), (0.0, f64::NEG_INFINITY)]
    {
        let members = [("latitude", double(latitude)), ("longitude", double(longitude))];
        assert_eq!(of_location(&members), None, "{latitude} {longitude}");
    }
}

#[test]
fn a_truncated_file_is_refused_and_never_panics() {
    let whole = berlin();
    for length in 0..whole.len() {
        assert!(Positions::parse(whole[..length].to_vec()).is_err(), "{length} bytes");
    }
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    let content = vec![0; Positions::MAX_BYTES + 1];
    assert!(matches!(Positions::parse(content), Err(PositionFileError::TooLarge)));
}

fn use_all_of(content: Vec<u8>) {
    if let Ok(positions) = Positions::parse(content) {
        for address in ["0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "2001:db8::1", "ffff::"] {
            if let Some(found) = positions.position(address.parse().unwrap()) {
                assert!(found.latitude.abs() <= 90.0 && found.longitude.abs() <= 180.0);
            }
        }
    }
}

#[test]
fn no_damaged_byte_panics() {
    let whole = berlin();
    for place in 0..whole.len() {
        for byte in 0..=u8::MAX {
            let mut damaged = whole.clone();
            damaged[place] = byte;
            use_all_of(damaged);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_random_content_panics(
        head in prop::collection::vec(any::<u8>(), 0..80),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        is_valid_before in any::<bool>(),
    ) {
        let mut content = if is_valid_before { berlin() } else { head.clone() };
        for (place, byte) in &damage {
            if !content.is_empty() {
                let place = place.index(content.len());
                content[place] = *byte;
            }
        }
        use_all_of(content.clone());
        let whole = berlin();
        let marker = whole.windows(3).position(|it| it == *b"\xab\xcd\xef").unwrap();
        content.extend(&whole[marker..]);
        use_all_of(content);
    }
}
