//! Plain scalars to JSON's types, by the rules of `sigs.k8s.io/yaml`, which `kubectl` uses: YAML
//! 1.1's words for true and false, numbers in four bases, timestamps as text.

use std::borrow::Cow;

use super::Value;

/// Resolves a scalar that stands without quotes and without a tag.
pub(super) fn resolve(text: Cow<'_, str>) -> Value<'_> {
    let Some(&first) = text.as_bytes().first() else {
        return Value::Null;
    };
    let resolved = match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(&text),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(&text),
        _ => None,
    };
    resolved.unwrap_or(Value::String(text))
}

fn word(text: &str) -> Option<Value<'static>> {
    match text {
        "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        "true" | "True" | "TRUE" | "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            Some(Value::Bool(true))
        }
        "false" | "False" | "FALSE" | "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            Some(Value::Bool(false))
        }
        _ => None,
    }
}

fn number(text: &str) -> Option<Value<'static>> {
    // Most scalars that begin with a digit are addresses: out by one look at their letters.
    let possible = |b: u8| b.is_ascii_hexdigit() || b"+-._xXoObBnNiI".contains(&b);
    if !text.bytes().all(possible) {
        return None;
    }
    let digits: Cow<'_, str> = if text.contains('_') {
        text.replace('_', "").into()
    } else {
        text.into()
    };
    integer(&digits).or_else(|| float(&digits))
}

fn integer(text: &str) -> Option<Value<'static>> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = base(unsigned);
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match (i64::try_from(magnitude), negative) {
        (Ok(value), false) => Some(Value::Int(value)),
        (Ok(value), true) => Some(Value::Int(-value)),
        (Err(_), false) => Some(Value::Uint(magnitude)),
        (Err(_), true) if magnitude == 1 << 63 => Some(Value::Int(i64::MIN)),
        (Err(_), true) => None,
    }
}

fn base(digits: &str) -> (u32, &str) {
    let Some(rest) = digits.strip_prefix('0').filter(|rest| !rest.is_empty()) else {
        return (10, digits);
    };
    match rest.as_bytes()[0] {
        b'x' | b'X' => (16, &rest[1..]),
        b'b' | b'B' => (2, &rest[1..]),
        b'o' | b'O' => (8, &rest[1..]),
        _ => (8, rest),
    }
}

fn float(text: &str) -> Option<Value<'static>> {
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(Value::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Some(Value::Float(f64::INFINITY));
        }
        "-.inf" | "-.Inf" | "-.INF" => return Some(Value::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    // Rust's parser also takes words such as `inf`; a number has only these characters.
    if !text
        .bytes()
        .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b))
    {
        return None;
    }
    text.parse().ok().map(Value::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str) -> String {
        format!("{:?}", resolve(text.into()))
    }

    #[test]
    fn words_are_yaml_1_1s_as_kubectl_takes_them() {
        for (text, expected) in [
            ("", "Null"),
            ("~", "Null"),
            ("null", "Null"),
            ("yes", "Bool(true)"),
            ("Off", "Bool(false)"),
            ("n", "Bool(false)"),
            ("nope", "String(\"nope\")"),
        ] {
            assert_eq!(resolved(text), expected, "{text:?}");
        }
    }

    #[test]
    fn numbers_have_four_bases_and_underscores() {
        for (text, expected) in [
            ("0", "Int(0)"),
            ("179", "Int(179)"),
            ("-1", "Int(-1)"),
            ("4_294_967_294", "Int(4294967294)"),
            ("0x10", "Int(16)"),
            ("0o17", "Int(15)"),
            ("017", "Int(15)"),
            ("0b101", "Int(5)"),
            ("18446744073709551615", "Uint(18446744073709551615)"),
            ("-9223372036854775808", "Int(-9223372036854775808)"),
            ("65001.0", "Float(65001.0)"),
            ("1e3", "Float(1000.0)"),
            ("-.inf", "Float(-inf)"),
        ] {
            assert_eq!(resolved(text), expected, "{text:?}");
        }
    }

    #[test]
    fn addresses_and_dates_are_text() {
        for text in [
            "10.0.0.1",
            "10.0.0.0/24",
            "2001:db8::1",
            "::1",
            "1.2.3",
            "2024-01-01T00:00:00Z",
            "inf",
        ] {
            assert_eq!(resolved(text), format!("String({text:?})"));
        }
    }
}
