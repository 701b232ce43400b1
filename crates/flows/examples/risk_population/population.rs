//! Population with habits: office workers, shift workers of a hospital and travellers, with their networks
//! and devices. Everything follows from one seed.

use std::net::{IpAddr, Ipv4Addr};

use portcullis_flows::sign_in::risk::{History, PastSignIn, Position, PositionSource};

pub(crate) const MINUTE: i64 = 60;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// 2027-01-07T00:00:00Z, a Thursday: the day after the first 60 is a Monday.
const BEGIN: i64 = 1_799_280_000;

/// Accounts, and the number of the last one of each group.
const ACCOUNTS: u32 = 1_000;
const OFFICE: u32 = 500;
const SHIFTS: u32 = 850;

/// Buildings of the employer.
const SITES: u32 = 4;

/// The latest sign-ins that a history holds.
const HISTORY: usize = 1_000;

/// Latitude and longitude of cities: the first is that of the employer.
const CITIES: [(f64, f64); 8] = [
    (48.137, 11.575),
    (51.507, -0.128),
    (40.713, -74.006),
    (35.690, 139.692),
    (-23.551, -46.633),
    (6.455, 3.384),
    (55.756, 37.617),
    (1.352, 103.820),
];

/// A small generator of random numbers (`SplitMix64`).
#[derive(Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number from 0 up to `end`, exclusive.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = (mixed ^ (mixed >> 31)) >> 33;
        u32::try_from(mixed % u64::from(end.max(1))).unwrap_or_default()
    }

    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// Seconds from `from` up to `until`, exclusive.
    pub(crate) fn time(&mut self, from: i64, until: i64) -> i64 {
        from + i64::from(self.below(u32::try_from(until - from).unwrap_or_default()))
    }
}

/// Networks of 256 addresses, each in a city.
#[derive(Clone, Default)]
pub(crate) struct World {
    cities: Vec<usize>,
}

/// The first address of all networks: 20.0.0.0.
const FIRST_NETWORK: u32 = 20 << 16;

impl World {
    /// Another network in a city, as the first 24 bits of its addresses.
    pub(crate) fn network(&mut self, city: usize) -> u32 {
        self.cities.push(city);
        FIRST_NETWORK + u32::try_from(self.cities.len() - 1).unwrap_or_default()
    }

    /// A city abroad.
    pub(crate) fn abroad(random: &mut Random) -> usize {
        let cities = u32::try_from(CITIES.len() - 1).unwrap_or_default();
        1 + usize::try_from(random.below(cities)).unwrap_or_default()
    }
}

pub(crate) fn address(network: u32, random: &mut Random) -> IpAddr {
    Ipv4Addr::from_bits((network << 8) | random.below(256)).into()
}

impl PositionSource for World {
    fn position(&self, address: IpAddr) -> Option<Position> {
        let IpAddr::V4(v4) = address else { return None };
        let network = (v4.to_bits() >> 8).checked_sub(FIRST_NETWORK)?;
        let city = self.cities.get(usize::try_from(network).ok()?)?;
        let (latitude, longitude) = *CITIES.get(*city)?;
        // Of every tenth network only the country is known.
        let accuracy_km = if network % 10 == 9 { 500 } else { 25 };
        Some(Position { latitude, longitude, accuracy_km })
    }
}

/// A sign-in with the right password.
#[derive(Clone, Copy)]
pub(crate) struct SignIn {
    pub(crate) account: u32,
    /// Seconds since 1970.
    pub(crate) at: i64,
    pub(crate) network: u32,
    /// The number of the device of the account; none if it keeps no cookie.
    pub(crate) device: Option<u32>,
}

/// A person with an account.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) number: u32,
    site: u32,
    pub(crate) home: u32,
    devices: u32,
    /// The second at which an office day begins.
    start: i64,
    carriers: u32,
    hotel: Option<u32>,
    pub(crate) known: Vec<u32>,
    /// The latest first.
    sign_ins: Vec<PastSignIn>,
}

impl Person {
    /// Adds a successful sign-in; the oldest makes room.
    pub(crate) fn remember(&mut self, past: PastSignIn) {
        self.sign_ins.truncate(HISTORY - 1);
        self.sign_ins.insert(0, past);
    }

    pub(crate) fn history(&self) -> History {
        History::new(self.sign_ins.clone(), false)
    }
}

/// All people, and the networks of their employer and of their mobile providers.
#[derive(Clone)]
pub(crate) struct Population {
    pub(crate) people: Vec<Person>,
    pub(crate) world: World,
    sites: Vec<u32>,
    mobile: Vec<u32>,
    pub(crate) random: Random,
}

impl Population {
    pub(crate) fn new(seed: u64) -> Self {
        let (mut world, mut random) = (World::default(), Random(seed));
        let sites = (0..SITES).map(|_| world.network(0)).collect();
        let mobile = (0..40).map(|_| world.network(0)).collect();
        let people = (0..ACCOUNTS).map(|number| Person {
            number,
            site: random.below(SITES),
            home: world.network(0),
            devices: 1 + random.below(3),
            start: random.time(6 * HOUR, 8 * HOUR),
            carriers: random.below(40),
            hotel: None,
            known: Vec::new(),
            sign_ins: Vec::new(),
        });
        let people = people.collect();
        Self { people, world, sites, mobile, random }
    }

    /// The begin of a day, in seconds since 1970.
    pub(crate) const fn day(number: i64) -> i64 {
        BEGIN + number * DAY
    }

    /// Gives every site of the employer another network.
    pub(crate) fn move_offices(&mut self) {
        for site in &mut self.sites {
            *site = self.world.network(0);
        }
    }

    /// One of three networks of the mobile provider, seldom any other.
    pub(crate) fn mobile(&mut self, person: &Person) -> u32 {
        let place = if self.random.chance(90) {
            person.carriers + self.random.below(3)
        } else {
            self.random.below(40)
        };
        nth(&self.mobile, place)
    }

    pub(crate) fn work(&self, person: &Person) -> u32 {
        nth(&self.sites, person.site)
    }

    /// The sign-ins of a day, in order.
    pub(crate) fn sign_ins(&mut self, day: i64) -> Vec<SignIn> {
        let mut people = std::mem::take(&mut self.people);
        let mut sign_ins = Vec::new();
        for person in &mut people {
            // Some providers give a household another network now and then.
            if self.random.chance(3) {
                person.home = self.world.network(0);
            }
            // A broken device, or a browser whose cookies were deleted.
            if self.random.below(400) == 0 {
                person.known.pop();
            }
            match person.number {
                ..OFFICE => self.office_day(person, day, &mut sign_ins),
                OFFICE..SHIFTS => self.shift_day(person, day, &mut sign_ins),
                SHIFTS.. => self.travel_day(person, day, &mut sign_ins),
            }
        }
        self.people = people;
        sign_ins.sort_by_key(|sign_in| sign_in.at);
        sign_ins
    }

    fn office_day(&mut self, person: &Person, day: i64, into: &mut Vec<SignIn>) {
        let begin = Self::day(day);
        let account = person.number;
        let mut add = |at, network, device| into.push(SignIn { account, at, network, device });
        let last = person.devices - 1;
        if is_weekend(day) {
            if self.random.chance(12) {
                add(begin + self.random.time(8 * HOUR, 20 * HOUR), person.home, Some(last));
            }
            return;
        }
        let work = self.work(person);
        add(begin + person.start + self.random.time(0, 40 * MINUTE), work, Some(0));
        if self.random.chance(30) {
            add(begin + self.random.time(11 * HOUR, 13 * HOUR), work, Some(0));
        }
        if self.random.chance(25) {
            let device = last.min(1);
            add(begin + self.random.time(17 * HOUR, 21 * HOUR), person.home, Some(device));
        }
        if self.random.chance(15) {
            let mobile = self.mobile(person);
            add(begin + self.random.time(5 * HOUR, 20 * HOUR), mobile, Some(last));
        }
    }

    fn shift_day(&mut self, person: &Person, day: i64, into: &mut Vec<SignIn>) {
        let (account, begin) = (person.number, Self::day(day));
        let mut add = |at, network, device| into.push(SignIn { account, at, network, device });
        let offset = i64::from(account);
        if (day + offset) % 7 < 5 {
            let shift = ((day + offset) / 7 + offset) % 3;
            let start = begin + 5 * HOUR + shift * 8 * HOUR;
            // A terminal of the ward keeps no cookie of one person.
            let device = |random: &mut Random| (!random.chance(30)).then_some(0);
            let at = start + self.random.time(-15 * MINUTE, 30 * MINUTE);
            add(at, self.work(person), device(&mut self.random));
            if self.random.chance(30) {
                let at = start + self.random.time(3 * HOUR, 6 * HOUR);
                add(at, self.work(person), device(&mut self.random));
            }
        }
        if self.random.chance(12) {
            let at = begin + self.random.time(7 * HOUR, 20 * HOUR);
            let is_at_home = self.random.chance(60);
            let network = if is_at_home { person.home } else { self.mobile(person) };
            add(at, network, Some(person.devices - 1));
        }
    }

    /// Every fourth week is a journey, with the devices from home.
    fn travel_day(&mut self, person: &mut Person, day: i64, into: &mut Vec<SignIn>) {
        let number = day + i64::from(person.number);
        if number % 28 >= 7 {
            person.hotel = None;
            return self.office_day(person, day, into);
        }
        let hotel = person.hotel.unwrap_or_else(|| {
            let city = World::abroad(&mut self.random);
            self.world.network(city)
        });
        person.hotel = Some(hotel);
        let at = Self::day(day) + self.random.time(0, DAY);
        let device = Some(self.random.below(person.devices));
        into.push(SignIn { account: person.number, at, network: hotel, device });
    }
}

fn nth(networks: &[u32], place: u32) -> u32 {
    let place = usize::try_from(place).unwrap_or_default() % networks.len().max(1);
    networks.get(place).copied().unwrap_or_default()
}

/// Day 0 is a Thursday.
const fn is_weekend(day: i64) -> bool {
    matches!(day.rem_euclid(7), 2 | 3)
}
