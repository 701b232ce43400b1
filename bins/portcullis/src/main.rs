mod config;
fn main() {
    let loaded = config::load(None, &config::Variables::of_this_process());
    println!("{:#?}", loaded.findings());
}
