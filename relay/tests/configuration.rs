//! What the program says of its settings: what holds, where it comes from, and what is wrong.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

const UPSTREAM: &str = "upstream = \"http://api.example/v1\"\n";

/// A directory of its own for a test, in which the program is run: messages name files as they are given.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> io::Result<Self> {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("configuration").join(test);
        fs::create_dir_all(&place)?;
        Ok(Self(place))
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> io::Result<()> {
        let path = self.0.join(name);
        fs::write(&path, text)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> io::Result<Output> {
        Command::new(env!("CARGO_BIN_EXE_relay"))
            .args(arguments)
            .env_clear()
            .envs(variables.iter().copied())
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .output()
    }

    /// What the program says when it must refuse, with exit code 2 and an empty standard output.
    fn refused(&self, arguments: &[&str], variables: &[(&str, &str)]) -> io::Result<String> {
        let output = self.run(arguments, variables)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}");
        assert!(!said.contains("sk-"), "a key is shown: {said}");
        assert!(!said.contains("panicked"), "{said}");
        Ok(said)
    }

    /// What the program prints, and what it says beside it.
    fn printed(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> io::Result<(String, String)> {
        let output = self.run(arguments, variables)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        Ok((String::from_utf8_lossy(&output.stdout).into_owned(), said))
    }
}

/// The line about a setting.
fn line<'a>(printed: &'a str, name: &str) -> Vec<&'a str> {
    let is_it = |line: &&str| line.split(" = ").next() == Some(name);
    printed.lines().find(is_it).unwrap_or_default().split("  # ").map(str::trim).collect()
}

const BROKEN: &[&str] = &[
    "hartbeat = \"15s\"",
    "First-Byte = \"15s\"",
    "colour = \"red\"",
    "api_key = \"sk-1\"",
    "config = \"other.toml\"",
    "idle = 15",
    "idle = \"15\"",
    "idle = \"of\"",
    "idle = 1.5",
    "idle = false",
    "idle = [\"15s\"]",
    "idle = 2026-11-24",
    "drain = \"off\"",
    "retries = 11",
    "retries = -1",
    "retries = 99999999999999999999",
    "max_streams = 0",
    "max_request = \"12MB\"",
    "missing_done = \"tolerat\"",
    "credentials = \"yes\"",
    "credentials = 1",
    "origins = [\"https://a.example\", 3]",
    "origins = [\"https://a.example,https://b.example\"]",
    "keys = [\"sk-1\", \"\"]",
    "keys = [\n  \"sk-1\",\n  2,\n]",
    "keys = \"\"",
    "provider_key = \"\"",
    "provider_key = 7",
    "keys_file = \"\"",
    "listen = \"localhost\"",
    "listen = 8080",
    "upstream = \"api.example\"",
    "upstream = \"https://me:sk-1@\"",
    "[limits]\nidle = \"15s\"",
    "limits.idle = \"15s\"",
    "idle = \"15s\"\nidle = \"16s\"",
    "idle = 15s",
    "idle = \"15s",
    "idle \"15s\"",
    "= \"15s\"",
    "keys = [\"sk-1\", \"sk-2]\nidle = \"15s\"",
    "keys = [\n  sk-1==,\n]",
    "idle = \"15s\" keys = \"sk-1\"",
    "idle = \"15s\\q\"",
    "\u{feff}# b\u{f6}se\r\nidle = \"\u{fc}\"\r\n",
    "heartbeat = \"1s\"\nidle = 3\nretries = \"many\"\ncolour = 1",
];

#[test]
fn each_mistake_of_a_file_is_told_with_its_place_and_what_was_expected() -> io::Result<()> {
    let place = Place::new("broken")?;
    let mut told = String::new();
    for text in BROKEN {
        place.write("relay.toml", text)?;
        let said = place.refused(&["--config", "relay.toml"], &[])?;
        assert!(said.contains(" --> relay.toml:"), "{said}");
        told.extend(["== ", &format!("{text:?}"), "\n", &said, "\n"]);
    }
    insta::assert_snapshot!(told);
    Ok(())
}

/// Files that are none of settings, and a table of keys that are none: what is told is a page.
#[test]
fn of_many_mistakes_the_first_are_told_and_how_many_more_there_are() -> io::Result<()> {
    let place = Place::new("many")?;
    let log = |n| format!("2026-11-28T20:59:00Z api[{n}]: GET /v1/models 200 in 7 ms\n");
    let key = |n| format!("key_{n} = \"sk-{n}\"\n");
    let lines: [Vec<String>; 2] = [(0..15_000).map(log).collect(), (0..15_000).map(key).collect()];
    for lines in lines {
        place.write("relay.toml", lines.concat())?;
        let said = place.refused(&["--config", "relay.toml"], &[])?;
        assert_eq!(said.matches(" --> relay.toml:").count(), 20, "{said}");
        let end = "\nerror: 14980 more mistakes are in `relay.toml`; is it the right file?\n";
        assert!(said.ends_with(end), "{said}");
    }
    Ok(())
}

#[test]
fn what_is_printed_as_in_force_can_be_read_again() -> io::Result<()> {
    let place = Place::new("again")?;
    place.write("relay.toml", format!("{UPSTREAM}threads = 4\nkeys_file = \"42\"\n"))?;
    place.write("42", "key\n")?;
    let (printed, _) = place.printed(&["--check-config", "--config", "relay.toml"], &[])?;
    assert_eq!(line(&printed, "threads")[0], "threads = 4");
    assert_eq!(line(&printed, "keys_file")[0], "keys_file = \"42\"");
    let two = ["--check-config", "--upstream", "http://h/v1", "--upstream", "http://i/v1"];
    let (printed, _) = place.printed(&two, &[])?;
    assert_eq!(line(&printed, "upstream")[0], "upstream = [\"http://h/v1\", \"http://i/v1\"]");
    assert_eq!(line(&printed, "fallbacks")[0], "fallbacks = []");
    place.write("two.toml", &printed)?;
    let (again, _) = place.printed(&["--check-config", "--config", "two.toml"], &[])?;
    assert_eq!(line(&again, "upstream")[0], line(&printed, "upstream")[0]);
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_is_told_with_the_reason() -> io::Result<()> {
    let place = Place::new("unreadable")?;
    fs::create_dir_all(place.0.join("directory"))?;
    place.write("latin1", b"idle = \"15s\"\n# b\xf6se\n")?;
    place.write("huge", vec![b'#'; (1 << 20) + 1])?;
    let mut told = String::new();
    for name in ["missing", "directory", "latin1", "huge", ""] {
        told += &place.refused(&["--config", name], &[])?;
        told += &place.refused(&["--keys-file", name, "--upstream", "http://h/v1"], &[])?;
    }
    insta::assert_snapshot!(told);
    Ok(())
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file_and_the_default() -> io::Result<()> {
    let place = Place::new("precedence")?;
    place.write(
        "relay.toml",
        format!("{UPSTREAM}connect = \"2s\"\nidle = \"3s\"\ndrain = \"4s\"\n"),
    )?;
    let variables = [("RELAY_CONFIG", "relay.toml"), ("RELAY_IDLE", "5s"), ("RELAY_DRAIN", "6s")];
    let (printed, _) = place.printed(&["--check-config", "--drain", "7s"], &variables)?;
    assert_eq!(line(&printed, "first_byte"), ["first_byte = \"5m\"", "default"]);
    assert_eq!(line(&printed, "connect"), ["connect = \"2s\"", "relay.toml:2"]);
    assert_eq!(line(&printed, "idle"), ["idle = \"5s\"", "RELAY_IDLE"]);
    assert_eq!(line(&printed, "drain"), ["drain = \"7s\"", "--drain"]);
    Ok(())
}

#[test]
fn every_setting_can_come_from_each_of_the_three_places() -> io::Result<()> {
    let place = Place::new("three")?;
    let (example, _) = place.printed(&["--print-example-config"], &[])?;
    let defaults = ["--check-config", "--upstream", "http://h/v1"];
    let (printed, _) = place.printed(&defaults, &[])?;
    let settings: Vec<_> = example.lines().filter(|line| line.contains(" = ")).collect();
    assert_eq!(settings.len(), printed.lines().count());
    for setting in settings {
        let (name, value) = setting.trim_start_matches('#').split_once(" = ").expect("a setting");
        if name == "upstream" {
            continue;
        }
        let value = match value.trim_matches('"') {
            "true" => "on",
            "false" | "[]" => "off",
            plain => plain,
        };
        let flag = format!("--{}={value}", name.replace('_', "-"));
        let variable = format!("RELAY_{}", name.to_uppercase());
        let (by_flag, _) = place.printed(&[&defaults[..], &[&flag]].concat(), &[])?;
        let (by_variable, _) = place.printed(&defaults, &[(&variable, value)])?;
        let default = line(&printed, name)[0];
        assert_eq!(line(&by_flag, name), [default, flag.split('=').next().expect("a flag")]);
        assert_eq!(line(&by_variable, name), [default, variable.as_str()]);
    }
    Ok(())
}

#[test]
fn the_example_says_the_defaults_with_and_without_its_marks() -> io::Result<()> {
    let place = Place::new("example")?;
    let values = |printed: &str| -> Vec<String> {
        printed
            .lines()
            .map(|line| line.split("  # ").next().unwrap_or_default().trim().to_owned())
            .collect()
    };
    let (defaults, _) = place.printed(&["--check-config", "--upstream", "http://h/v1"], &[])?;
    let (example, _) = place.printed(&["--print-example-config"], &[])?;
    // A mark stands right before the key; a comment has a space behind it.
    let unmark = |line: &str| -> String {
        line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned()
    };
    let unmarked = example.lines().map(unmark).collect::<Vec<_>>().join("\n");
    assert_ne!(example, unmarked);
    for text in [example, unmarked] {
        place.write("relay.toml", text)?;
        let arguments = ["--check-config", "--config", "relay.toml", "--upstream", "http://h/v1"];
        let (printed, said) = place.printed(&arguments, &[])?;
        assert_eq!(values(&printed), values(&defaults));
        assert_eq!(said, "");
    }
    Ok(())
}

#[test]
fn the_page_is_the_committed_one() -> io::Result<()> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/relay-config.md");
    let (printed, _) = Place::new("page")?.printed(&["--print-config-reference"], &[])?;
    let same = fs::read_to_string(page)? == printed;
    assert!(same, "write it anew: relay --print-config-reference > docs/relay-config.md");
    Ok(())
}

#[test]
fn wrong_flags_and_variables_are_all_told() -> io::Result<()> {
    let place = Place::new("above")?;
    let variables = [
        ("RELAY_IDLE", "3"),
        ("RELAY_KEYS", ""),
        ("RELAY_PROVIDER_KEY", ""),
        ("RELAY_UPSTREAM", "https://me:sk-1@"),
    ];
    insta::assert_snapshot!(place.refused(&["--retries", "many", "--keys-file", ""], &variables)?);
    Ok(())
}

#[test]
fn settings_that_do_not_fit_together_are_told_with_where_each_comes_from() -> io::Result<()> {
    let place = Place::new("contradictions")?;
    place.write("relay.toml", format!("{UPSTREAM}\nheartbeat = \"2m\"\nkeys = [\"sk-1\"]\n"))?;
    place.write("keys", "sk-2\n")?;
    let mut told = place.refused(&[], &[])?;
    let file = ["--config", "relay.toml"];
    for more in [
        &["--origins", "*", "--credentials", "on"][..],
        &["--keys-file", "keys"],
        &["--upstream", "http://h/v1", "--upstream", "http://h/v1"],
        &["--upstream", "http://h/v1", "--fallbacks", "http://i/v1,http://h/v1/"],
        &[
            "--upstream",
            "http://1/v1,http://2/v1,http://3/v1,http://4/v1,http://5/v1,http://6/v1,http://7/v1,http://8/v1,http://9/v1,http://10/v1",
        ],
        &["--upstream", "http://h/v1", "--upstream", "http://me:sk-3@i/v1"],
        &["--upstream", "http://h/v1?key=sk-3"],
        &["--upstream", "http://h:0/v1"],
    ] {
        told += "==\n";
        told += &place.refused(&[&file[..], more].concat(), &[])?;
    }
    insta::assert_snapshot!(told);
    Ok(())
}

#[test]
fn what_the_relay_could_not_start_with_is_refused_before_it_starts() -> io::Result<()> {
    let place = Place::new("cannot_start")?;
    place.write("empty.pem", "no certificate\n")?;
    let check = ["--check-config", "--upstream", "https://h/v1"];
    let refused = |more: &[&str]| place.refused(&[&check[..], more].concat(), &[]);
    if cfg!(feature = "tls") {
        let said = refused(&["--upstream-ca", "nofile"])?;
        assert!(said.starts_with("error: cannot read upstream_ca `nofile`: "), "{said}");
        assert!(said.ends_with("\n  upstream_ca = \"nofile\" (--upstream-ca)\n"), "{said}");
        let said = refused(&["--upstream-ca", "empty.pem"])?;
        assert!(said.contains("`empty.pem` holds no PEM certificate"), "{said}");
    } else {
        let said = refused(&[])?;
        assert!(said.starts_with("error: this relay is built without TLS"), "{said}");
    }
    // Whichever test of the workspace built the program last decided whether it knows Redis.
    let plain = ["--check-config", "--upstream", "http://h/v1", "--resume-redis", "http://h/"];
    let said = place.refused(&plain, &[])?;
    let reasons =
        ["cannot use resume_redis: ", "resume_redis is set, and this relay is built without"];
    let told = |reason| said.starts_with(&format!("error: {reason}"));
    assert!(reasons.into_iter().any(told), "{said}");
    assert!(said.ends_with("\n  resume_redis = \"http://h/\" (--resume-redis)\n"), "{said}");
    Ok(())
}

#[test]
fn keys_come_from_files_and_are_never_shown() -> io::Result<()> {
    let place = Place::new("keys")?;
    place.write("keys", "# team a\nsk-1\n\n sk-2,x \n")?;
    place.write("one", "sk-3\n")?;
    let files = [
        "--check-config",
        "--upstream",
        "http://h/v1",
        "--keys-file",
        "keys",
        "--provider-key-file",
    ];
    let (printed, said) = place.printed(&[&files[..], &["one"]].concat(), &[])?;
    assert_eq!(line(&printed, "keys"), ["keys = [\"***\", \"***\"]", "keys"]);
    assert_eq!(line(&printed, "provider_key"), ["provider_key = \"***\"", "one"]);
    assert!(!printed.contains("sk-"), "{printed}");
    assert_eq!(said, "");

    place.write("none", "# sk-1\n\n")?;
    place.write("wrong", "sk-1\n\"\"\nsk- 2\nsk-1\n")?;
    let none = ["--upstream", "http://h/v1", "--keys-file", "none", "--provider-key-file", "none"];
    let mut told = place.refused(&none, &[])?;
    told += &place.refused(&["--upstream", "http://h/v1", "--keys-file", "wrong"], &[])?;
    told += &place.refused(&["--upstream", "http://h/v1", "--provider-key-file", "keys"], &[])?;
    insta::assert_snapshot!(told);
    Ok(())
}

#[test]
fn what_is_dangerous_is_warned_of() -> io::Result<()> {
    let place = Place::new("warnings")?;
    for name in ["one", "relay.toml"] {
        let text = if name == "one" {
            "sk-1\n".to_owned()
        } else {
            format!("{UPSTREAM}keys = [\"sk-2\"]\n")
        };
        place.write(name, text)?;
        fs::set_permissions(place.0.join(name), fs::Permissions::from_mode(0o644))?;
    }
    let open = [
        "--check-config",
        "--upstream",
        "http://h/v1",
        "--provider-key-file",
        "one",
        "--listen",
        "0.0.0.0:80",
    ];
    let (_, mut said) = place.printed(&open, &[("RELAY_HARTBEAT", "5s")])?;
    said += &place.printed(&["--check-config", "--config", "relay.toml"], &[])?.1;
    insta::assert_snapshot!(said);
    Ok(())
}

#[test]
fn a_variable_that_is_none_of_the_relays_is_warned_of() -> io::Result<()> {
    let place = Place::new("variables")?;
    let check = ["--check-config", "--upstream", "http://h/v1"];
    let unknown = [("RELAY_COLOUR", "red"), ("RELAY_HARTBEAT", "5s")];
    let (_, said) = place.printed(&check, &unknown)?;
    let told = "warning: RELAY_COLOUR is not a variable of the relay; it changes nothing\n\
                warning: RELAY_HARTBEAT is not a variable of the relay; the nearest is RELAY_HEARTBEAT\n";
    assert_eq!(said, told);
    Ok(())
}

/// The names are those of kubernetes.io, "Service", "Environment variables", for the services `relay` and
/// `relay-redis`.
#[test]
fn variables_of_the_relay_and_of_kubernetes_are_not_warned_of() -> io::Result<()> {
    let place = Place::new("known-variables")?;
    place.write("relay.toml", UPSTREAM)?;
    let known = [
        ("RELAY_CONFIG", "relay.toml"),
        ("RELAY_IDLE", "5s"),
        ("RELAY_SERVICE_HOST", "10.0.0.11"),
        ("RELAY_SERVICE_PORT", "8080"),
        ("RELAY_SERVICE_PORT_HTTP", "8080"),
        ("RELAY_PORT", "tcp://10.0.0.11:8080"),
        ("RELAY_PORT_8080_TCP", "tcp://10.0.0.11:8080"),
        ("RELAY_PORT_8080_TCP_PROTO", "tcp"),
        ("RELAY_PORT_8080_TCP_ADDR", "10.0.0.11"),
        ("RELAY_REDIS_SERVICE_HOST", "10.0.0.12"),
        ("RELAY_REDIS_PORT_6379_TCP_PORT", "6379"),
        ("RELAYS", "2"),
    ];
    let (_, said) = place.printed(&["--check-config"], &known)?;
    assert_eq!(said, "");
    Ok(())
}
