//! A `.netrc` file: who we are on which machine.
//!
//! The form is that of ftp(1), read as curl and wget read it: words between blanks, or in double quotes with `\"`, `\\`,
//! `\n`, `\r` and `\t`; a `#` where a word of ours is expected makes the rest of the line a comment; `macdef` goes on to
//! the next empty line. Words that nobody knows are passed over.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

use thiserror::Error;

use crate::settings::Credentials;

/// The machines of a file; `Debug` counts them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Netrc {
    machines: Vec<Machine>,
    /// For every machine that the file does not name.
    default: Option<Credentials>,
}

#[derive(Clone, PartialEq, Eq)]
struct Machine {
    name: String,
    /// `None`: it is named, and there is no login.
    credentials: Option<Credentials>,
}

/// Why a file cannot be used. What stands there may be a password and is not told.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {why}")]
pub struct BadNetrc {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Netrc {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, BadNetrc> {
        let (mut words, mut netrc) = (Words::of(text), Self::default());
        let mut open: Option<Open> = None;
        while let Some(word) = words.keyword()? {
            match &*word {
                "machine" => {
                    netrc.close(open.replace(Open::machine(words.value("machine")?)));
                }
                "default" => netrc.close(open.replace(Open::default())),
                "login" => {
                    let login = words.value("login")?;
                    if let Some(open) = &mut open {
                        open.login = Some(login);
                    }
                }
                "password" => {
                    let password = words.value("password")?;
                    if let Some(open) = &mut open {
                        open.password = password;
                    }
                }
                "account" => drop(words.value("account")?),
                "macdef" => words.skip_macro(),
                _ => {}
            }
        }
        netrc.close(open);
        Ok(netrc)
    }

    /// The credentials for a host, whatever its port, of the machine that has its name.
    pub fn of_machine(&self, host: &str) -> Option<&Credentials> {
        self.find(host)?.credentials.as_ref()
    }

    /// The same, or those of `default` for a host that is not named.
    pub fn of_machine_or_default(&self, host: &str) -> Option<&Credentials> {
        match self.find(host) {
            Some(machine) => machine.credentials.as_ref(),
            None => self.default.as_ref(),
        }
    }

    /// The first one of that name counts.
    fn find(&self, host: &str) -> Option<&Machine> {
        // An IPv6 address has brackets in a URL, and none here.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        self.machines
            .iter()
            .find(|machine| machine.name.eq_ignore_ascii_case(host))
    }

    fn close(&mut self, open: Option<Open>) {
        let Some(Open { name, login, password }) = open else {
            return;
        };
        let credentials = login.map(|user| Credentials { user, password });
        match name {
            // What stands behind `default` is never reached (ftp(1)).
            _ if self.default.is_some() => {}
            Some(name) => self.machines.push(Machine { name, credentials }),
            None => self.default = credentials,
        }
    }
}

impl fmt::Debug for Netrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = if self.default.is_some() { " and a default" } else { "" };
        write!(f, "Netrc({} machines{default})", self.machines.len())
    }
}

/// A machine of which more may come. Without a name it is the default.
#[derive(Default)]
struct Open {
    name: Option<String>,
    login: Option<String>,
    password: String,
}

impl Open {
    fn machine(name: String) -> Self {
        Self {
            name: Some(name),
            ..Self::default()
        }
    }
}

struct Words<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
}

impl<'a> Words<'a> {
    fn of(text: &'a str) -> Self {
        // Some editors put a byte order mark there.
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        Self {
            chars: text.chars().peekable(),
            line: 1,
        }
    }

    fn bad(&self, why: &'static str) -> BadNetrc {
        BadNetrc { line: self.line, why }
    }

    fn take(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn skip_blanks(&mut self) {
        while self.chars.peek().is_some_and(char::is_ascii_whitespace) {
            self.take();
        }
    }

    /// The next word where a word of ours is expected, and so a comment may stand.
    fn keyword(&mut self) -> Result<Option<String>, BadNetrc> {
        loop {
            self.skip_blanks();
            if self.chars.peek() != Some(&'#') {
                return self.word();
            }
            while self.chars.peek().is_some_and(|&c| c != '\n') {
                self.take();
            }
        }
    }

    /// The word that belongs to the one before. A `#` is as good as any other: passwords begin with it.
    fn value(&mut self, of: &str) -> Result<String, BadNetrc> {
        let why = match of {
            "machine" => "a machine without a name",
            "login" => "a login without a name",
            "password" => "a password without its text",
            _ => "an account without a name",
        };
        self.skip_blanks();
        let line = self.line;
        self.word()?.ok_or(BadNetrc { line, why })
    }

    fn word(&mut self) -> Result<Option<String>, BadNetrc> {
        match self.chars.peek() {
            None => Ok(None),
            Some('"') => self.quoted().map(Some),
            Some(_) => Ok(Some(self.bare())),
        }
    }

    fn bare(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.chars.next_if(|c| !c.is_ascii_whitespace()) {
            word.push(c);
        }
        word
    }

    /// It ends in its line, as with curl: one that is left open would swallow the rest of the file.
    fn quoted(&mut self) -> Result<String, BadNetrc> {
        const OPEN: &str = "a quote that is not closed";
        self.take();
        let mut word = String::new();
        loop {
            let c = match self.chars.peek() {
                None | Some('\n') => return Err(self.bad(OPEN)),
                Some(_) => self.take(),
            };
            match c {
                Some('"') | None => return Ok(word),
                Some('\\') => match self.chars.next_if(|&c| c != '\n') {
                    None => return Err(self.bad(OPEN)),
                    Some('n') => word.push('\n'),
                    Some('r') => word.push('\r'),
                    Some('t') => word.push('\t'),
                    Some(other) => word.push(other),
                },
                Some(other) => word.push(other),
            }
        }
    }

    /// To behind the next empty line.
    fn skip_macro(&mut self) {
        let mut is_empty = false;
        while let Some(c) = self.take() {
            match c {
                '\n' if is_empty => return,
                '\n' => is_empty = true,
                '\r' => {}
                _ => is_empty = false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `user:password` of a host that the list names.
    fn found(text: &str, host: &str) -> Option<String> {
        let netrc = Netrc::parse(text).unwrap();
        let found = netrc.of_machine_or_default(host);
        found.map(|found| format!("{}:{}", found.user, found.password))
    }

    #[test]
    fn a_file_is_read_as_curl_and_wget_read_it() {
        for (text, host, expected) in [
            ("machine h login u password p", "h", Some("u:p")),
            ("machine h login u password p", "H", Some("u:p")),
            ("machine h login u password p", "h.h", None),
            ("machine\nh\r\n\tlogin u\r\n\tpassword p\r\n", "h", Some("u:p")),
            ("machine h password p login u", "h", Some("u:p")),
            ("machine h login u account a password p", "h", Some("u:p")),
            ("machine h login u", "h", Some("u:")),
            ("machine h password p", "h", None),
            ("machine ::1 login u password p", "[::1]", Some("u:p")),
            // The first one counts, and a machine without a login keeps the default away.
            ("machine h login a\nmachine h login b", "h", Some("a:")),
            ("machine h\ndefault login d", "h", None),
            ("machine i login a\ndefault login d password p", "h", Some("d:p")),
            ("default login d\nmachine h login u", "h", Some("d:")),
            // Comments stand where a word of ours would.
            (
                "# machine h login x\nmachine h login u password p # why",
                "h",
                Some("u:p"),
            ),
            ("machine h # login x\nlogin u", "h", Some("u:")),
            ("machine h login u password #p login v", "h", Some("v:#p")),
            // Quotes.
            (
                r#"machine "h" login "u v" password "a\"b\\c\td\x""#,
                "h",
                Some("u v:a\"b\\c\tdx"),
            ),
            (r#"machine h login u password a"b"#, "h", Some("u:a\"b")),
            (r#"machine h login u password """#, "h", Some("u:")),
            // Macros.
            (
                "machine h login u\nmacdef init\n machine h\n login x\n\npassword p",
                "h",
                Some("u:p"),
            ),
            (
                "macdef init\r\nmachine h login x\r\n\r\nmachine h login u",
                "h",
                Some("u:"),
            ),
            ("macdef a\nmachine h login x", "h", None),
            ("machine h port 80 login u", "h", Some("u:")),
            ("login x password y machine h login u", "h", Some("u:")),
            ("\u{FEFF}machine h login u", "h", Some("u:")),
            ("", "h", None),
        ] {
            assert_eq!(found(text, host).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_default_is_for_hosts_that_are_named_nowhere_and_only_on_demand() {
        let netrc = Netrc::parse("machine a login x\ndefault login d").unwrap();
        assert!(netrc.of_machine("a").is_some() && netrc.of_machine("b").is_none());
        assert_eq!(format!("{netrc:?}"), "Netrc(1 machines and a default)");
    }

    #[test]
    fn what_is_broken_is_named_by_its_line_and_not_repeated() {
        for (text, error) in [
            ("machine h login u\npassword", "line 2: a password without its text"),
            (
                "machine h\nlogin \"u\npassword s3cret\"",
                "line 2: a quote that is not closed",
            ),
            (
                "machine h login u password \"s3cret\\",
                "line 1: a quote that is not closed",
            ),
            ("\n\nmachine", "line 3: a machine without a name"),
        ] {
            assert_eq!(Netrc::parse(text).unwrap_err().to_string(), error, "{text:?}");
        }
    }

    fn quote(text: &str) -> String {
        format!(
            "\"{}\"",
            text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
        )
    }

    proptest! {
        #[test]
        fn anything_is_read_or_refused(text in "(machine|login|default|macdef|password|#|\"|\\\\|\n| |.){0,40}") {
            let _ = Netrc::parse(&text);
        }

        #[test]
        fn what_is_quoted_comes_back(machine in "[a-z.]{1,9}", login in "\\PC{0,9}", password in "[\\PC\n]{0,9}") {
            let text = format!("machine {machine} login {} password {}\n", quote(&login), quote(&password));
            prop_assert_eq!(found(&text, &machine), Some(format!("{login}:{password}")));
        }
    }
}
