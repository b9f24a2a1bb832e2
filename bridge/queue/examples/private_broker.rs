//! A private RabbitMQ for tests to share: prints its URL, and stops it when stdin ends.
//!
//! `cargo run -p bridge-queue --example private_broker`

#[path = "../tests/broker/mod.rs"]
mod broker;

fn main() {
    let broker = broker::Private::start("");
    println!("{}", broker.url());
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}
