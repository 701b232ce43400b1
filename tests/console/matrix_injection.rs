//! Injection by a version of the access matrix: a text that means more to a browser is no name in it, and harmless as a
//! comment.

use portcullis_testkit::Chromium;
use serde_json::json;

use crate::form::{location, submit};
use crate::injection::{enter, infested, is_on, markup, present, shown, strings, texts};
use crate::traffic::stays_within;

#[test]
fn a_text_in_a_matrix_is_no_name_and_harmless_as_a_comment() {
    let (server, mut ada) = infested();
    let mut chromium = Chromium::start();
    let mut page = chromium.page();
    enter(&mut page, &server);
    let matrix = include_str!("../../config/access_matrix.toml");
    let admin = format!("{}/console/admin", server.origin());
    for text in markup() {
        let name = json!(text).to_string();
        for (place, named) in [
            ("resources = [", format!("resources = [{name}, ")),
            ("actions = [", format!("actions = [{name}, ")),
            ("[roles.msa]", format!("[roles.{name}]\ngrants = []\n[roles.msa]")),
        ] {
            let proposed = matrix.replacen(place, &named, 1);
            assert_ne!(matrix, proposed);
            page.open(&format!("{admin}/matrix/versions"));
            let fill = format!("document.querySelector('#text').value = {}", json!(proposed));
            page.evaluate(&fill);
            page.follow("form[action$='/versions'] button");
            assert_eq!(page.focus(), "faults", "{text:?} in {place}");
            let typed = name[1..name.len() - 1].to_owned();
            is_on(&present(&mut page), &[typed], place);
        }
    }
    let texts = texts();
    let comments = texts.iter().filter(|text| !text.contains(char::is_control));
    let comments: Vec<String> = comments.map(|text| format!("# {text}\n")).collect();
    let comments = comments.concat();
    let proposed = format!("{comments}{matrix}{comments}");
    let versions = "/console/admin/matrix/versions";
    let stored = submit(&mut ada, versions, &[("text", &proposed)]);
    assert_eq!(location(&stored), "/console/admin/matrix?compare=2");
    let file = ada.get("/api/admin/matrix/versions/2", &[]);
    assert!(strings(&file.json()).contains(&proposed), "{}", file.text);
    let activated = submit(&mut ada, &format!("{versions}/activate"), &[("version", "2")]);
    assert_eq!(location(&activated), versions);
    for path in [
        "matrix",
        "matrix?compare=1",
        "matrix/versions",
        "matrix/replay?version=2",
        "matrix/replay/result?version=2&days=1",
        "audit",
        "audit?kind=matrix_activated",
    ] {
        shown(&mut page, &format!("{admin}/{path}"));
    }
    stays_within(&mut page, &server);
}
