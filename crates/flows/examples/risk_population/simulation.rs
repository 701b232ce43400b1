//! Simulation: 60 days of habits, then attacks and honest changes, under three pairs of thresholds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;

use portcullis_audit::RiskOutcome;
use portcullis_domain::Timestamp;
use portcullis_flows::sign_in::risk::{
    Attempt, BadAddresses, FailureCounts, PastSignIn, RiskPolicy, RiskSources, facts,
};

use self::population::{DAY, HOUR, Population, Random, SignIn, World, address};

#[path = "population.rs"]
mod population;

const SEED: u64 = 20_270_107;

/// Days of habits. The last 30 are measured.
const DAYS: i64 = 60;

/// Attempts of credential stuffing, and the accounts among them whose password is right.
const TRIES: u32 = 10_000;
const LEAKED: u32 = 400;

/// Names that no account of the population has.
const OTHER_NAMES: u32 = 1_000_000;

/// The cost of a challenge for the person, and of a refusal for the person and the operator, in seconds.
const CHALLENGE_COST: u64 = 30;
const REFUSAL_COST: u64 = 15 * 60;

/// Sign-ins of one case, by outcome.
#[derive(Clone, Copy, Default)]
struct Tally {
    all: u64,
    challenged: u64,
    refused: u64,
}

impl Tally {
    fn count(&mut self, outcome: RiskOutcome) {
        self.all += 1;
        match outcome {
            RiskOutcome::Allowed => {}
            RiskOutcome::Challenged => self.challenged += 1,
            RiskOutcome::Refused => self.refused += 1,
        }
    }

    /// Detected, and refused among all.
    fn detection(self) -> String {
        let detected = percent(self.challenged + self.refused, self.all);
        format!("{detected} ({})", percent(self.refused, self.all))
    }

    /// Challenged, and refused.
    fn false_alarms(self) -> String {
        format!("{} ({})", percent(self.challenged, self.all), percent(self.refused, self.all))
    }

    fn cost(self) -> String {
        let seconds = self.challenged * CHALLENGE_COST + self.refused * REFUSAL_COST;
        let tenths = seconds * 10 / 3_600;
        format!("{}.{} h", tenths / 10, tenths % 10)
    }
}

/// With two decimals.
fn percent(part: u64, all: u64) -> String {
    let hundredths = part * 10_000 / all.max(1);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

/// The population under one policy, with the failures of the last hour.
#[derive(Clone)]
struct Simulation {
    policy: RiskPolicy,
    bad_addresses: BadAddresses,
    population: Population,
    by_network: BTreeMap<u32, VecDeque<(i64, u32)>>,
    by_account: BTreeMap<u32, Vec<i64>>,
}

impl Simulation {
    /// Lives through the days of habits, and measures the last 30.
    fn new(policy: RiskPolicy) -> (Self, Tally) {
        let mut simulation = Self {
            policy,
            bad_addresses: BadAddresses::default(),
            population: Population::new(SEED),
            by_network: BTreeMap::new(),
            by_account: BTreeMap::new(),
        };
        simulation.live(0..DAYS - 30);
        let ordinary = simulation.live(DAYS - 30..DAYS);
        (simulation, ordinary)
    }

    /// The usual sign-ins of these days.
    fn live(&mut self, days: std::ops::Range<i64>) -> Tally {
        let mut tally = Tally::default();
        for day in days {
            for sign_in in self.population.sign_ins(day) {
                // A mistyped password.
                if self.population.random.chance(6) {
                    self.fail(sign_in.account, sign_in.network, sign_in.at - 20);
                    if !self.is_known(&sign_in) {
                        self.by_account.entry(sign_in.account).or_default().push(sign_in.at - 20);
                    }
                }
                tally.count(self.honest(&sign_in));
            }
        }
        tally
    }

    fn fail(&mut self, name: u32, network: u32, at: i64) {
        self.by_network.entry(network).or_default().push_back((at, name));
    }

    fn is_known(&self, sign_in: &SignIn) -> bool {
        let mut people = self.population.people.iter();
        let person = people.find(|person| person.number == sign_in.account);
        let known = person.map(|person| &person.known);
        sign_in.device.is_some_and(|device| known.is_some_and(|known| known.contains(&device)))
    }

    /// Assesses a sign-in with the right password.
    fn assess(&mut self, sign_in: &SignIn) -> RiskOutcome {
        let attempt = Attempt {
            at: Timestamp::from_seconds(sign_in.at),
            address: address(sign_in.network, &mut self.population.random),
            known_device: self.is_known(sign_in),
        };
        let since = sign_in.at - HOUR;
        let failures = self.by_network.entry(sign_in.network).or_default();
        while failures.front().is_some_and(|(at, _)| *at < since) {
            failures.pop_front();
        }
        let names: BTreeSet<_> = failures.iter().map(|(_, name)| name).collect();
        let of_account = self.by_account.get(&sign_in.account);
        let of_account =
            of_account.map_or(0, |times| times.iter().filter(|at| **at >= since).count());
        let [network, network_names, account] = [failures.len(), names.len(), of_account]
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let counts = FailureCounts { account, network, network_names };
        let sources = RiskSources {
            bad_addresses: Some(&self.bad_addresses),
            positions: Some(&self.population.world),
        };
        let mut people = self.population.people.iter();
        let person = people.find(|person| person.number == sign_in.account);
        person.map_or(RiskOutcome::Refused, |person| {
            let facts = facts(&person.history(), &attempt, counts, sources);
            self.policy.assess(&facts).outcome
        })
    }

    /// A sign-in of the owner, who passes a challenge.
    fn honest(&mut self, sign_in: &SignIn) -> RiskOutcome {
        let outcome = self.assess(sign_in);
        if outcome != RiskOutcome::Refused {
            self.by_account.remove(&sign_in.account);
            let at = Timestamp::from_seconds(sign_in.at);
            let past = PastSignIn { at, address: address(sign_in.network, &mut Random(0)) };
            let mut people = self.population.people.iter_mut();
            if let Some(person) = people.find(|person| person.number == sign_in.account) {
                person.remember(past);
                person.known.extend(sign_in.device.filter(|device| !person.known.contains(device)));
            }
        }
        outcome
    }

    /// Credential stuffing for 20 hours from this many networks, of which `at_home` percent are in the
    /// city of the population, and every fifth is on the list of bad addresses.
    fn stuffing(mut self, networks: u32, at_home: u32) -> Tally {
        let mut random = Random(SEED + u64::from(networks));
        let mut sources = Vec::new();
        let mut listed = String::new();
        for number in 0..networks {
            let is_at_home = random.chance(at_home);
            let city = if is_at_home { 0 } else { World::abroad(&mut random) };
            let network = self.population.world.network(city);
            if number % 5 == 0 {
                let first = std::net::Ipv4Addr::from_bits(network << 8);
                let _ = writeln!(listed, "{first}/24");
            }
            sources.push(network);
        }
        self.bad_addresses = BadAddresses::parse(listed.as_bytes()).unwrap_or_default();
        let accounts = u32::try_from(self.population.people.len()).unwrap_or_default();
        let mut tally = Tally::default();
        for number in 0..TRIES {
            let at = Population::day(DAYS) + i64::from(number) * 20 * HOUR / i64::from(TRIES);
            let place = usize::try_from(random.below(networks)).unwrap_or_default();
            let network = sources.get(place).copied().unwrap_or_default();
            if number % (TRIES / LEAKED) == 7 {
                let account = random.below(accounts);
                tally.count(self.assess(&SignIn { account, at, network, device: None }));
            } else {
                let name = random.below(OTHER_NAMES);
                if name < accounts {
                    self.by_account.entry(name).or_default().push(at);
                }
                self.fail(name, network, at);
            }
        }
        tally
    }

    /// A thief signs in on a known device at any hour, abroad or on the network of its home.
    fn stolen_laptop(mut self, is_abroad: bool) -> Tally {
        let mut random = Random(SEED);
        let mut tally = Tally::default();
        for person in self.population.people.clone() {
            let city = World::abroad(&mut random);
            let network = if is_abroad { self.population.world.network(city) } else { person.home };
            let at = Population::day(DAYS) + random.time(0, 7 * DAY);
            let device = person.known.first().copied();
            tally.count(self.assess(&SignIn { account: person.number, at, network, device }));
        }
        tally
    }

    /// Everybody signs in on a new phone once: at home, on the way, or at work.
    fn new_phones(mut self) -> Tally {
        let mut random = Random(SEED);
        let mut tally = Tally::default();
        for person in self.population.people.clone() {
            let network = match random.below(10) {
                0..6 => person.home,
                6..8 => self.population.mobile(&person),
                _ => self.population.work(&person),
            };
            let at = Population::day(DAYS + i64::from(random.below(7)));
            let at = at + random.time(6 * HOUR, 21 * HOUR);
            let sign_in = SignIn { account: person.number, at, network, device: Some(9) };
            tally.count(self.honest(&sign_in));
        }
        tally
    }

    /// The first week after all sites got other networks.
    fn moved_office(mut self) -> Tally {
        self.population.move_offices();
        self.live(DAYS..DAYS + 7)
    }
}

/// The results under one policy.
struct Column {
    name: &'static str,
    policy: RiskPolicy,
    accounts: u64,
    attacks: [Tally; 4],
    honest: [Tally; 3],
}

impl Column {
    fn new(name: &'static str, challenge_at: u32, refuse_at: u32) -> Self {
        let policy = RiskPolicy { challenge_at, refuse_at, ..RiskPolicy::default() };
        let (simulation, ordinary) = Simulation::new(policy);
        let attacks = [
            simulation.clone().stuffing(5, 0),
            simulation.clone().stuffing(4_000, 50),
            simulation.clone().stolen_laptop(true),
            simulation.clone().stolen_laptop(false),
        ];
        let accounts = u64::try_from(simulation.population.people.len()).unwrap_or_default();
        let honest = [ordinary, simulation.clone().new_phones(), simulation.moved_office()];
        Self { name, policy, accounts, attacks, honest }
    }

    /// With two decimals.
    fn challenges_an_account(&self) -> String {
        let hundredths =
            self.honest.first().map_or(0, |tally| tally.challenged) * 100 / self.accounts;
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

/// The table in Markdown: the default thresholds, laxer and stricter ones.
pub(crate) fn table() -> String {
    let default = RiskPolicy::default();
    let columns = [
        Column::new("default", default.challenge_at, default.refuse_at),
        Column::new("laxer", 60, 120),
        Column::new("stricter", 25, 80),
    ];
    let mut rows = vec![row("Case", |column: &Column| {
        format!("{} {} / {}", column.name, column.policy.challenge_at, column.policy.refuse_at)
    })];
    rows.push(row("---", |_| "---".to_owned()));
    let attacks = [
        "Attack: credential stuffing from 5 networks",
        "Attack: credential stuffing from 4,000 networks",
        "Attack: stolen laptop, abroad",
        "Attack: stolen laptop, on the home network",
    ];
    let cases =
        ["Honest: 30 ordinary days", "Honest: new phone", "Honest: moved office, first week"];
    let mut text = String::new();
    for (place, name) in attacks.into_iter().enumerate() {
        rows.push(row(name, move |column| nth(&column.attacks, place).detection()));
    }
    for (place, name) in cases.into_iter().enumerate() {
        rows.push(row(name, move |column| nth(&column.honest, place).false_alarms()));
    }
    rows.push(row("Challenges of an account in 30 days", Column::challenges_an_account));
    let costs = [
        "Cost of 1,000 accounts in 30 days",
        "Cost of 1,000 new phones",
        "Cost of a moved office of 1,000 accounts",
    ];
    for (place, name) in costs.into_iter().enumerate() {
        rows.push(row(name, move |column| nth(&column.honest, place).cost()));
    }
    for (name, cell) in rows {
        let cells = columns.iter().map(cell).collect::<Vec<_>>().join(" | ");
        let _ = writeln!(text, "| {name} | {cells} |");
    }
    text
}

type Row = (&'static str, Box<dyn Fn(&Column) -> String>);

fn row(name: &'static str, cell: impl Fn(&Column) -> String + 'static) -> Row {
    (name, Box::new(cell))
}

fn nth(tallies: &[Tally], place: usize) -> Tally {
    tallies.get(place).copied().unwrap_or_default()
}
