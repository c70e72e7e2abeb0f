//! Dates in a header's value, told by the provider's clock when the head leaves: `{now}`, `{now+3s}`,
//! `{now-1h}`, each as RFC 9110 5.6.7 prefers it.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use crate::quantity::Time;

const OPENS: &str = "{now";

/// The last second of the year 9999: four digits are all that the form has.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// A value with its dates filled in, where the clock stands at `now` (unix time).
///
/// # Errors
/// What stands in the place of a date and is none.
pub(crate) fn filled(value: &str, now: Duration) -> Result<Cow<'_, str>, String> {
    let (mut text, mut rest) = (String::new(), value);
    while let Some(at) = rest.find(OPENS) {
        text.push_str(&rest[..at]);
        let end = rest[at..].find('}').map(|end| at + end).ok_or_else(|| rest[at..].to_owned())?;
        let shift = &rest[at + OPENS.len()..end];
        let date = shifted(now, shift).ok_or_else(|| rest[at..=end].to_owned())?;
        text.push_str(&httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + date.min(LAST)));
        rest = &rest[end + 1..];
    }
    if text.is_empty() && rest.len() == value.len() {
        return Ok(Cow::Borrowed(value));
    }
    text.push_str(rest);
    Ok(Cow::Owned(text))
}

fn shifted(now: Duration, shift: &str) -> Option<Duration> {
    let time = |text: &str| text.parse::<Time>().ok().map(|time| time.0);
    if let Some(later) = shift.strip_prefix('+') {
        time(later).map(|later| now.saturating_add(later))
    } else if let Some(earlier) = shift.strip_prefix('-') {
        time(earlier).map(|earlier| now.saturating_sub(earlier))
    } else {
        shift.is_empty().then_some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 9110 5.6.7: 784111777 s after 1970 (`date -d ... +%s`), and a half.
    const NOW: Duration = Duration::from_millis(784_111_777_500);

    fn filled(value: &str) -> Result<String, String> {
        super::filled(value, NOW).map(Cow::into_owned)
    }

    #[test]
    fn a_date_is_the_clocks_or_so_much_later_or_earlier() {
        for (value, date) in [
            ("{now}", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("{now+3s}", "Sun, 06 Nov 1994 08:49:40 GMT"),
            ("{now+600ms}", "Sun, 06 Nov 1994 08:49:38 GMT"),
            ("{now-1h}", "Sun, 06 Nov 1994 07:49:37 GMT"),
            (
                "a {now} b {now+1s} c",
                "a Sun, 06 Nov 1994 08:49:37 GMT b Sun, 06 Nov 1994 08:49:38 GMT c",
            ),
            ("{now-9000000h}", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ("{now+900000000000h}", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(filled(value).as_deref(), Ok(date), "{value}");
        }
    }

    #[test]
    fn what_is_no_date_is_told_and_other_braces_stay() {
        for value in ["", "{}", "now", "{i} {n}", "{", "2"] {
            assert_eq!(filled(value).as_deref(), Ok(value));
        }
        for (value, wrong) in [
            ("{now+3}", "{now+3}"),
            ("x {now 3s} y", "{now 3s}"),
            ("{now+}", "{now+}"),
            ("{nowhere}", "{nowhere}"),
            ("{now", "{now"),
            ("{now+3s", "{now+3s"),
            ("{now+€}", "{now+€}"),
            ("{now€}", "{now€}"),
        ] {
            assert_eq!(filled(value), Err(wrong.to_owned()), "{value}");
        }
    }
}
