//! Every word of the script language as bytes on a real socket.
//!
//! Its cases are described in [`case`](super::case).
//!
//! Where a case fails, the bytes that came are left in `target/tmp/steps/NAME.http`.

use std::{
    collections::BTreeSet,
    fs,
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    path::Path,
    time::Duration,
};

use mock_openai::{Mock, journal, script::Script, serve, wire::RealListener, yaml};
use serde_json::Value;

use crate::{
    case::{Case, Ends, folder, names, read},
    support::EPOCH,
};

/// No read waits longer for bytes that are to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// For so long nothing more comes over a connection that stays open.
const SILENCE: Duration = Duration::from_millis(30);

/// Serves a script in virtual time on a free port, for as long as the process lives.
fn provider(script: Script) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            tell.send(listener.local_addr().expect("it is bound")).expect("the test waits");
            let epoch = Duration::from_secs(EPOCH);
            let mock = Mock { script, seed: 1, epoch, journal: journal::deaf() };
            serve(RealListener::new(listener), mock).await
        })
    });
    told.recv_timeout(PATIENCE).expect("it listens")
}

/// Reads until so many bytes are there, or until no more come.
fn read_all(stream: &mut TcpStream, len: usize) -> (Vec<u8>, Option<Ends>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let patience = if bytes.len() < len { PATIENCE } else { SILENCE };
        stream.set_read_timeout(Some(patience)).expect("sockets have time-outs");
        match stream.read(&mut buffer) {
            Ok(0) => return (bytes, Some(Ends::Fin)),
            Ok(len) => bytes.extend_from_slice(&buffer[..len]),
            Err(error) => {
                let kind = error.kind();
                let is_late = kind == ErrorKind::WouldBlock || kind == ErrorKind::TimedOut;
                let was_reset = kind == ErrorKind::ConnectionReset;
                let ends =
                    if is_late { Some(Ends::Open) } else { was_reset.then_some(Ends::Reset) };
                return (bytes, ends);
            }
        }
    }
}

fn play(name: &str) -> Result<(), String> {
    let case = read(name)?;
    let (expected, ends) = (Case::expected(name)?, case.ends);
    let sent = case.sent();
    let mut stream = TcpStream::connect(provider(case.script)).map_err(|e| e.to_string())?;
    stream.write_all(sent.as_bytes()).map_err(|error| error.to_string())?;
    let (got, ended) = read_all(&mut stream, expected.len());
    stream.shutdown(Shutdown::Both).ok();
    if got != expected {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("steps");
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        fs::write(folder.join(format!("{name}.http")), &got).map_err(|error| error.to_string())?;
        let same = got.iter().zip(&expected).take_while(|(a, b)| a == b).count();
        return Err(format!(
            "the bytes differ from byte {same} on\n  wanted: {}\n  got:    {}",
            expected[same..].escape_ascii(),
            got[same..].escape_ascii()
        ));
    }
    if ended != Some(ends) {
        return Err(format!("it ends otherwise: wanted {ends:?}, got {ended:?}"));
    }
    Ok(())
}

#[test]
fn each_step_puts_its_exact_bytes_on_a_socket() {
    let wrong: Vec<String> =
        names().iter().filter_map(|name| Some(format!("{name}: {}", play(name).err()?))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The words of a JSON Schema: the keys of its mappings and the values that it lists.
struct Words<'a> {
    schema: &'a Value,
    /// What a word is called: the type that it belongs to, and itself.
    found: BTreeSet<String>,
}

impl<'a> Words<'a> {
    fn definitions(&self) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        self.schema["$defs"].as_object().into_iter().flatten()
    }

    /// All that there are.
    fn all(schema: &'a Value) -> BTreeSet<String> {
        let mut words = Self { schema, found: BTreeSet::new() };
        for (name, definition) in words.definitions() {
            words.visit(name, definition, None);
        }
        words.found
    }

    /// Those that stand in a script.
    fn in_script(schema: &'a Value, script: &Value) -> BTreeSet<String> {
        let mut words = Self { schema, found: BTreeSet::new() };
        words.visit("Script", schema, Some(script));
        words.found
    }

    /// Looks at a schema, as far as a value fits it where one is given.
    fn visit(&mut self, name: &str, schema: &'a Value, value: Option<&Value>) {
        let parts = ["oneOf", "anyOf", "allOf"].iter().filter_map(|word| schema[word].as_array());
        for part in parts.flatten() {
            self.visit(name, part, value);
        }
        let listed = schema["enum"].as_array().into_iter().flatten().chain(schema.get("const"));
        for word in listed.filter(|word| value.is_none_or(|value| value == *word)) {
            self.found.insert(format!("{name} = {word}"));
        }
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            let key_name = format!("{name}.{key}");
            match value {
                None => {
                    self.found.insert(key_name.clone());
                    self.visit(&key_name, inner, None);
                }
                Some(value) => {
                    if let Some(value) = value.get(key) {
                        self.found.insert(key_name.clone());
                        self.visit(&key_name, inner, Some(value));
                    }
                }
            }
        }
        if let Some(value) = value {
            if let Some(reference) = schema["$ref"].as_str() {
                let definition = reference.trim_start_matches("#/$defs/");
                self.visit(definition, &self.schema["$defs"][definition], Some(value));
            }
            for item in value.as_array().into_iter().flatten() {
                self.visit(name, &schema["items"], Some(item));
            }
        } else {
            self.visit_items(name, schema);
        }
    }

    fn visit_items(&mut self, name: &str, schema: &'a Value) {
        if schema["items"].is_object() {
            self.visit(name, &schema["items"], None);
        }
    }
}

#[test]
fn no_word_of_the_language_lacks_a_case() {
    let schema = serde_json::to_value(schemars::schema_for!(Script)).expect("a schema is JSON");
    let mut missing = Words::all(&schema);
    assert!(missing.contains("Step.head"), "{missing:?}");
    assert!(missing.contains("Inside = \"utf8\""), "{missing:?}");
    for name in names() {
        let text = fs::read(folder().join(format!("{name}.yaml"))).expect("it can be read");
        let case: Value = yaml::load(&name, &text).expect("it is YAML");
        for word in Words::in_script(&schema, &case["script"]) {
            missing.remove(&word);
        }
    }
    assert!(
        missing.is_empty(),
        "no case in mock-openai/tests/steps/ has\n  {}",
        missing.into_iter().collect::<Vec<_>>().join("\n  ")
    );
}
