//! The table of docs/risk.md is the one that the simulation prints.

#[path = "../../examples/risk_population/simulation.rs"]
mod simulation;

#[test]
fn the_documented_table_is_the_simulated_one() {
    let documented = include_str!("../../../../docs/risk.md");
    let table = simulation::table();
    assert!(documented.contains(&table), "docs/risk.md must contain this table:\n{table}");
}

#[test]
fn the_documented_points_are_the_defaults() {
    let documented = include_str!("../../../../docs/risk.md");
    let policy = portcullis_flows::sign_in::risk::RiskPolicy::default();
    let weights = policy.weights;
    let counted = [weights.account_failures, weights.network_failures, weights.network_names];
    let [account, network, names] =
        counted.map(|it| format!("{} each beyond {}, at most {}", it.each, it.free, it.max));
    for row in [
        format!("| `new_device` | {} |", weights.new_device),
        format!("| `new_network` | {} |", weights.new_network),
        format!("| `unusual_hour` | {} |", weights.unusual_hour),
        format!("| `account_failures` | {account} |"),
        format!("| `network_failures` | {network} |"),
        format!("| `credential_stuffing` | {names} |"),
        format!("| `impossible_travel` | {} |", weights.impossible_travel),
        format!("| `listed_address` | {} |", weights.listed_address),
        format!("| `challenged` | {} |", policy.challenge_at),
        format!("| `refused` | {} |", policy.refuse_at),
        format!("less than {} in 1,000", weights.unusual_below_permille),
    ] {
        assert!(documented.contains(&row), "docs/risk.md must contain: {row}");
    }
}
