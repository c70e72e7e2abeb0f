//! Documents of several files, and documents that stand for several.

use std::{collections::BTreeMap, io, path::Path};

use serde_json::{Value, json};

use super::{Diagnostic, Document, Files, Matrix};

/// Files by path.
struct Store(BTreeMap<&'static str, String>);

impl Files for Store {
    fn read(&self, path: &Path) -> io::Result<bytes::Bytes> {
        let file = self.0.get(path.to_str().unwrap());
        Ok(file.ok_or(io::ErrorKind::NotFound)?.clone().into())
    }
}

fn store(files: &[(&'static str, &str)]) -> Store {
    Store(files.iter().map(|(path, text)| (*path, (*text).to_owned())).collect())
}

fn resolve(text: &str, files: &[(&'static str, &str)]) -> Result<Document, Vec<Diagnostic>> {
    Document::with_includes(Path::new("a/main.yaml"), text.as_bytes(), &store(files))
}

fn value(text: &str, files: &[(&'static str, &str)]) -> Value {
    resolve(text, files).unwrap().value().unwrap()
}

/// The only mistake.
fn wrong(text: &str, files: &[(&'static str, &str)]) -> Diagnostic {
    let mut wrong = resolve(text, files).unwrap_err();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    wrong.remove(0)
}

/// Each cell with what it says.
fn cells(text: &str) -> Vec<(String, Value)> {
    let matrix = Matrix::of(Document::parse("m.yaml", text.as_bytes()).unwrap()).unwrap();
    let cells = matrix.cells().map(|cell| cell.unwrap());
    cells.map(|cell| (cell.to_string(), cell.document.value().unwrap())).collect()
}

/// Line, column and message of each mistake in a matrix.
fn wrong_matrix(text: &str) -> Vec<(usize, usize, String)> {
    let document = Document::parse("m.yaml", text.as_bytes()).unwrap();
    let wrong = match Matrix::of(document) {
        Err(wrong) => wrong,
        Ok(matrix) => matrix.cells().filter_map(Result::err).map(|one| *one).collect(),
    };
    wrong.into_iter().map(|one| (one.line, one.column, one.message)).collect()
}

#[test]
fn what_a_file_says_itself_stands_and_an_earlier_include_stands_before_a_later() {
    let text = "include: [../common/x.yaml, y.yaml]\nown: 1\nmap: { own: 1, deep: { own: 1 } }\nlist: [1]\n";
    let x = "own: 2\nmap: { own: 2, x: 2, deep: { x: 2 } }\nlist: [2, 2]\nxy: x\n";
    let y = "xy: y\nmap: { x: 3, y: 3, own: { y: 3 } }\ny: [3]\n";
    let got = value(text, &[("common/x.yaml", x), ("a/y.yaml", y)]);
    let expected = json!({
        "own": 1,
        "map": { "own": 1, "deep": { "own": 1, "x": 2 }, "x": 2, "y": 3 },
        "list": [1],
        "xy": "x",
        "y": [3],
    });
    assert_eq!(got, expected);
}

#[test]
fn an_included_file_includes_others_from_its_own_folder() {
    let files = [
        ("common/x.yaml", "include: parts/y.yaml\nx: 1\n"),
        ("common/parts/y.yaml", "include: ../z.yaml\ny: 1\n"),
        ("common/z.yaml", "z: 1\n"),
    ];
    let got = value("include: ../common/x.yaml\n", &files);
    assert_eq!(got, json!({ "x": 1, "y": 1, "z": 1 }));
}

#[test]
fn a_mistake_in_an_included_file_is_told_there_and_who_includes_it_beside() {
    let files = [("common/x.yaml", "include: z.yaml\nx: 1\n"), ("common/z.yaml", "a: 1\nz: [1\n")];
    let told = wrong("title: t\ninclude: ../common/x.yaml\n", &files).to_string();
    let expected = "\
error: a bracket or brace is never closed
 --> common/z.yaml:2:4
  |
2 | z: [1
  |    ^
  |
  = help: close it with `]` or `}`
  = note: `common/z.yaml` is included in common/x.yaml:1
  = note: `common/x.yaml` is included in a/main.yaml:2";
    assert_eq!(told, expected);

    let files = [("a/x.yaml", "# part\nb: no\n")];
    let document = resolve("a: 1\ninclude: x.yaml\n", &files).unwrap();
    let read = document.value::<BTreeMap<String, u64>>().unwrap_err();
    assert_eq!((read[0].file.as_str(), read[0].line, read[0].column), ("a/x.yaml", 2, 4));
    assert_eq!(read[0].notes, ["`a/x.yaml` is included in a/main.yaml:2"]);
}

#[test]
fn a_circle_of_includes_is_told_with_its_chain() {
    let files =
        [("common/x.yaml", "include: y.yaml\n"), ("common/y.yaml", "include: ../a/main.yaml\n")];
    let told = wrong("include: ../common/x.yaml\n", &files);
    assert_eq!((told.file.as_str(), told.line), ("common/y.yaml", 1));
    assert_eq!(told.message, "the includes go in a circle");
    assert_eq!(
        told.help.unwrap(),
        "each of these includes the next: `a/main.yaml`, `common/x.yaml`, `common/y.yaml`, \
         `a/main.yaml`"
    );
    let itself = wrong("include: ./../a/main.yaml\n", &[]);
    assert_eq!(itself.message, "the includes go in a circle");
}

#[test]
fn an_include_that_cannot_be_is_refused_at_its_name() {
    for (text, message) in [
        ("include: absent.yaml\n", "there is no file `a/absent.yaml`"),
        ("include: /etc/passwd\n", "the path of an include is absolute"),
        ("include: ''\n", "the path of an include is empty"),
        ("include: 5\n", "an include is no path"),
        ("include:\n", "an include is no path"),
        ("include: { a: b }\n", "an include is no path"),
        ("include: [[x.yaml]]\n", "an include is no path"),
        ("include: ${axis}.yaml\n", "an include cannot depend on the matrix"),
        ("include: list.yaml\n", "an included file is no mapping"),
        ("include: empty.yaml\n", "the file says nothing"),
        ("include: bytes.yaml\n", "the file is larger than 1024 KiB"),
    ] {
        let files = [
            ("a/list.yaml", "- 1\n"),
            ("a/empty.yaml", ""),
            ("a/bytes.yaml", &"#".repeat(2 << 20)),
        ];
        let told = wrong(text, &files);
        assert_eq!(told.message, message, "{text}");
        assert!(told.file == "a/main.yaml" || !told.notes.is_empty(), "{told}");
    }
}

#[test]
fn more_files_than_are_sensible_are_refused_once() {
    let names: Vec<String> = (0..1_000).map(|_| "x.yaml".to_owned()).collect();
    let files = [("a/x.yaml", "x: 1\n")];
    let told = wrong(&format!("include: [{}]\n", names.join(", ")), &files);
    assert_eq!(told.message, "more than 16 files are included");
    assert_eq!(value(&format!("include: [{}]\n", names[..16].join(", ")), &files)["x"], 1);
    // Doubling at each level ends as early.
    let told = wrong("include: 2.yaml\n", &row(|next| format!("include: [{next}, {next}]\n")));
    assert_eq!(told.message, "more than 16 files are included");
    // Eight in a row are enough, nine too many.
    let files = row(|next| format!("include: {next}\n"));
    assert_eq!(value("include: 2.yaml\n", &files)["x"], 1);
    let told = wrong("include: 1.yaml\n", &files);
    assert_eq!(told.message, "includes stand more than 8 deep in each other");
}

/// Nine files, of which each but the last names the next.
fn row(text: impl Fn(&str) -> String) -> Vec<(&'static str, &'static str)> {
    let leak = |text: String| -> &'static str { text.leak() };
    let file = |nth: u32| {
        let text = if nth == 9 { "x: 1\n".to_owned() } else { text(&format!("{}.yaml", nth + 1)) };
        (leak(format!("a/{nth}.yaml")), leak(text))
    };
    (1..=9).map(file).collect()
}

#[test]
fn wide_files_are_merged_in_no_time() {
    let wide = |letter: char| {
        (0..40_000).map(|n| format!("{letter}{n}: 1\n")).collect::<Vec<_>>().concat()
    };
    let (main, x) = (format!("include: x.yaml\n{}", wide('m')), wide('x'));
    let told = wrong(&main, &[("a/x.yaml", &x)]);
    assert_eq!(told.message, "with what it includes it has more than 100000 values");
}

#[test]
fn a_matrix_gives_each_combination_in_order_with_the_values_in_their_places() {
    let text = r#"
title: cut ${cut} by ${eol}
matrix: { eol: [lf, { bare: "\r" }], cut: [{ none: {} }, 1] }
eol: ${eol}
quoted: "${eol}"
cut: { flow: "${cut}" }
sums: [1, "x${eol}y$${eol}"]
"#;
    let text = text.replace("title: cut ${cut} by ${eol}", "title: by ${eol}");
    let cell = |eol: &str, cut: Value| {
        json!({ "title": format!("by {eol}"), "eol": eol, "quoted": eol, "cut": { "flow": cut },
            "sums": [1, format!("x{eol}y${{eol}}")] })
    };
    let expected = [
        ("eol=lf,cut=none", cell("lf", json!({}))),
        ("eol=lf,cut=1", cell("lf", json!(1))),
        ("eol=bare,cut=none", cell("\r", json!({}))),
        ("eol=bare,cut=1", cell("\r", json!(1))),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
    assert_eq!(cells(&text), expected);
}

#[test]
fn without_a_matrix_there_is_one_cell_and_only_a_bare_axis_is_a_mistake() {
    let text = "a: pay ${HOME} and ${x} $${y}\nb: $${z}\n";
    let value = json!({ "a": "pay ${HOME} and ${x} ${y}", "b": "${z}" });
    assert_eq!(cells(text), [(String::new(), value)]);
    let message = "`${x}` stands for an axis, and there is no matrix".to_owned();
    assert_eq!(wrong_matrix("a: [1, \"${x}\"]\n"), [(1, 8, message)]);
}

#[test]
fn what_is_wrong_with_a_matrix_is_told_at_its_place() {
    let tell = |text: &str| {
        let wrong = wrong_matrix(text);
        wrong.into_iter().map(|(l, c, message)| format!("{l}:{c} {message}")).collect::<Vec<_>>()
    };
    for (text, expected) in [
        ("matrix: 1\n", "1:9 a matrix is no mapping"),
        ("matrix: {}\n", "1:1 the matrix has no axis"),
        ("matrix: { a: 1 }\n", "1:14 the values of the axis `a` are no list"),
        ("matrix: { a: [] }\n", "1:11 the axis `a` has no value"),
        ("matrix: { A: [1] }\n", "1:11 `A` cannot be the name of an axis"),
        ("matrix: { a: [1, 2, 1] }\n", "1:21 the axis `a` has two values `1`"),
        ("matrix: { a: [1KiB/s] }\n", "1:15 `1KiB/s` cannot stand in an id"),
        ("matrix: { a: ['x]'] }\n", "1:15 `x]` cannot stand in an id"),
        ("matrix: { a: [[1]] }\n", "1:15 a value of an axis needs a label, which stands in ids"),
        (
            "matrix: { a: [{ b: 1, c: 2 }] }\n",
            "1:15 a value of an axis needs a label, which stands in ids",
        ),
        ("matrix: { a: [1], b: [{ x: \"${a}\" }] }\n", "1:23 the value of an axis names an axis"),
        ("matrix: { a: [1], b: [2] }\nx: ${a}\n", "1:19 the axis `b` is used nowhere"),
        ("matrix: { abc: [1] }\nx: ${abc}\ny: ${abd}\n", "3:4 there is no axis `abd`"),
        ("matrix: { a: [1] }\nx: ${a}\ny: ${a b}\n", "3:4 `${` opens no name of an axis"),
        (
            "matrix: { a: [1] }\nx: ${a}\n${a}: 1\n",
            "3:1 an axis stands for a value and not for a key",
        ),
        (
            "matrix: { a: [{ m: {} }] }\nx: \"${a}.\"\n",
            "2:4 `${a}` stands inside a text, and its value `m` is no text",
        ),
    ] {
        assert_eq!(tell(text), [expected], "{text}");
    }
}

#[test]
fn an_axis_inside_braces_without_quotes_is_told_to_have_them() {
    for text in
        ["a: { b: ${eol} }\n", "a: { b: ${eol}, c: 1 }\n", "a: [${eol}]\n", "a: [x, ${eol}, y]\n"]
    {
        let wrong = Document::parse("m.yaml", text.as_bytes()).unwrap_err();
        let help = wrong[0].help.clone().unwrap_or_default();
        assert!(help.contains("put quotes around it"), "{text}: {}", wrong[0]);
    }
}

#[test]
fn a_matrix_that_would_fill_the_memory_is_refused() {
    let axis = |name: &str, count: usize| {
        let values: Vec<String> = (0..count).map(|nth| nth.to_string()).collect();
        format!("  {name}: [{}]\n", values.join(", "))
    };
    let many = format!("matrix:\n{}{}x: ${{a}}${{b}}\n", axis("a", 101), axis("b", 100));
    let message = "the matrix has 10100 cells; 10000 is the most".to_owned();
    assert_eq!(wrong_matrix(&many), [(1, 1, message)]);
    let names = "abcdefghijklmnopqrstuvwxyz";
    let many: String = names.chars().map(|name| axis(&name.to_string(), 1_000)).collect();
    let message = &wrong_matrix(&format!("matrix:\n{many}"))[0].2;
    assert_eq!(
        *message,
        format!("the matrix has more than {} cells; 10000 is the most", usize::MAX)
    );

    // A long text that stands a thousand times.
    let uses = "\"${a}\", ".repeat(1_000);
    let long = format!("matrix: {{ a: [{{ l: {} }}] }}\nx: [{uses}]\n", "x".repeat(2_000));
    let message = "one scenario has more than 1024 KiB of text".to_owned();
    assert_eq!(wrong_matrix(&long), [(1, 1, message)]);
    let list = format!("matrix: {{ a: [{{ l: [{}] }}] }}\nx: [{uses}]\n", "1, ".repeat(200));
    let message = "one scenario has more than 100000 values".to_owned();
    assert_eq!(wrong_matrix(&list), [(1, 1, message)]);
    let all = format!(
        "matrix:\n{}{}x: [{}]\ny: [{}]\n",
        axis("a", 100),
        axis("b", 100),
        "\"${a}${b}\", ".repeat(500),
        "1, ".repeat(500)
    );
    let message = "its cells hold more than 5000000 values or 64 MiB together".to_owned();
    assert_eq!(wrong_matrix(&all), [(1, 1, message)]);
    // Deeper together than a file may be.
    let deep = format!("{}1{}", "[".repeat(50), "]".repeat(50));
    let uses = format!("{}\"${{a}}\"{}", "[".repeat(50), "]".repeat(50));
    let deep = wrong_matrix(&format!("matrix: {{ a: [{{ l: {deep} }}] }}\nx: {uses}\n"));
    assert_eq!(deep[0].2, "lists and mappings stand more than 64 deep in each other");
}
