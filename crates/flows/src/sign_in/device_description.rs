//! Device names from user agents: enough for a person to distinguish their devices, and proof of
//! nothing.

/// The device of a session, derived from its `User-Agent`. It proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceDescription {
    /// The name chosen at sign-in, by default the browser and the operating system.
    pub name: String,
    /// The browser or program; `None` if unknown.
    pub browser: Option<String>,
    /// The operating system without its version; `None` if unknown.
    pub operating_system: Option<&'static str>,
    /// The kind of device.
    pub kind: DeviceKind,
}

/// The kind of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// A computer.
    Computer,
    /// A phone or a tablet.
    Mobile,
    /// Another device, or an unknown one.
    Other,
}

impl DeviceKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Computer, Self::Mobile, Self::Other];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Computer => "computer",
            Self::Mobile => "mobile",
            Self::Other => "other",
        }
    }
}

impl DeviceDescription {
    /// The device of a client with this user agent, and the name that the person may have given it.
    pub fn of(given_name: Option<&str>, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent.unwrap_or_default();
        let browser = browser(user_agent).or_else(|| product(user_agent));
        let (operating_system, kind) = match system(user_agent) {
            Some((system, kind)) => (Some(system), kind),
            None => (None, DeviceKind::Other),
        };
        let described = || match (browser, operating_system) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => "unknown device".to_owned(),
        };
        let name = given_name.map_or_else(described, str::to_owned);
        Self { name, browser: browser.map(str::to_owned), operating_system, kind }
    }
}

/// Product names in user agents, with the names of the browsers. Many browsers also name those that
/// they descend from or imitate: the first match counts.
const BROWSERS: [(&str, &str); 16] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edge/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Trident/", "Internet Explorer"),
    ("MSIE ", "Internet Explorer"),
    ("Safari/", "Safari"),
];

fn browser(user_agent: &str) -> Option<&'static str> {
    let known = BROWSERS.iter().find(|(token, _)| user_agent.contains(token));
    known.map(|(_, name)| *name)
}

/// System names in user agents, with their common names and kinds. The first match counts.
const SYSTEMS: [(&str, &str, DeviceKind); 11] = [
    ("Windows", "Windows", DeviceKind::Computer),
    ("iPhone", "iOS", DeviceKind::Mobile),
    ("iPod", "iOS", DeviceKind::Mobile),
    ("iPad", "iPadOS", DeviceKind::Mobile),
    ("Android", "Android", DeviceKind::Mobile),
    ("CrOS", "ChromeOS", DeviceKind::Computer),
    ("Mac OS X", "macOS", DeviceKind::Computer),
    ("Linux", "Linux", DeviceKind::Computer),
    ("FreeBSD", "BSD", DeviceKind::Computer),
    ("OpenBSD", "BSD", DeviceKind::Computer),
    ("NetBSD", "BSD", DeviceKind::Computer),
];

/// The system in the first comment (RFC 9110 section 10.1.5), where browsers put it, and its kind.
fn system(user_agent: &str) -> Option<(&'static str, DeviceKind)> {
    let (_, comment) = user_agent.split_once('(')?;
    let comment = comment.split(')').next()?;
    let known = SYSTEMS.iter().find(|(token, ..)| comment.contains(token));
    known.map(|(_, name, kind)| (*name, *kind))
}

/// The first product of a user agent (RFC 9110 section 10.1.5), if it is a plain word.
fn product(user_agent: &str) -> Option<&str> {
    let word = user_agent.split(['/', ' ']).next()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    ((1..=40).contains(&word.len()) && word != "Mozilla" && word.bytes().all(is_plain))
        .then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(user_agent: &str) -> (String, &'static str) {
        let device = DeviceDescription::of(None, Some(user_agent));
        (device.name, device.kind.as_str())
    }

    #[test]
    fn the_browsers_of_today_are_recognised() {
        const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
                               (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
        const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) \
                              AppleWebKit/605.1.15 (KHTML, like Gecko)";
        const ANDROID: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like \
                               Gecko)";
        for (user_agent, name, kind) in [
            (WINDOWS, "Chrome on Windows", "computer"),
            (&format!("{WINDOWS} Edg/142.0.0.0"), "Edge on Windows", "computer"),
            (&format!("{WINDOWS} OPR/124.0.0.0"), "Opera on Windows", "computer"),
            (&format!("{WINDOWS} Vivaldi/7.6"), "Vivaldi on Windows", "computer"),
            (
                "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
                "Firefox on Linux",
                "computer",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
                "Safari on macOS",
                "computer",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/142.0.0.0 Safari/537.36",
                "Chrome on ChromeOS",
                "computer",
            ),
            (
                &format!("{IPHONE} Version/26.0 Mobile/15E148 Safari/604.1"),
                "Safari on iOS",
                "mobile",
            ),
            (
                &format!("{IPHONE} FxiOS/145.0 Mobile/15E148 Safari/605.1.15"),
                "Firefox on iOS",
                "mobile",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
                "Safari on iPadOS",
                "mobile",
            ),
            (
                &format!("{ANDROID} Chrome/142.0.0.0 Mobile Safari/537.36"),
                "Chrome on Android",
                "mobile",
            ),
            (
                &format!("{ANDROID} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36"),
                "Samsung Internet on Android",
                "mobile",
            ),
        ] {
            assert_eq!(device(user_agent), (name.to_owned(), kind), "{user_agent}");
        }
    }

    #[test]
    fn programs_go_by_the_product_they_name() {
        for (user_agent, name) in [
            ("curl/8.5.0", "curl"),
            ("python-requests/2.32.3", "python-requests"),
            ("okhttp/4.12.0", "okhttp"),
            ("my.app", "my.app"),
            ("", "unknown device"),
            ("<script>alert(1)</script>", "unknown device"),
            ("Mozilla/5.0 (nothing that is known)", "unknown device"),
            ("\u{202e}txt", "unknown device"),
        ] {
            assert_eq!(device(user_agent), (name.to_owned(), "other"), "{user_agent}");
        }
    }

    #[test]
    fn the_name_that_a_person_gave_stands() {
        let device = DeviceDescription::of(Some("Ada's laptop"), Some("curl/8.5.0"));
        assert_eq!(
            (device.name.as_str(), device.browser.as_deref()),
            ("Ada's laptop", Some("curl"))
        );
    }
}
