//! Tests of `hash calibrate`.

use crate::machine::Machine;

#[test]
fn the_recommended_cost_stays_within_the_time() {
    let calibrated = Machine::new().run(&["hash", "calibrate", "--target-ms", "10", "--json"]);
    let answer = calibrated.json();
    let measured = answer["measured"].as_array().unwrap();
    assert_eq!(measured[0]["memory_kib"], 19_456, "never below the minimum of OWASP");
    let within = |cost: &&serde_json::Value| cost["milliseconds"].as_f64().unwrap() <= 10.0;
    let best = measured.iter().rfind(within);
    assert_eq!(answer["recommended"], best.cloned().unwrap_or_default());
    calibrated.exits_with(i32::from(best.is_none()));
}
