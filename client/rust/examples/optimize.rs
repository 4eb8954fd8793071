//! The example of the README; a test holds the two together.

use squeezed_client::{JobOptions, blocking::Client};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect_default()?;
    let options = JobOptions { quality: Some(80), ..Default::default() };
    let done = client.optimize(std::fs::read("photo.jpg")?, options)?;
    println!("{} -> {} bytes by {}", done.receipt.before, done.receipt.after, done.receipt.method);
    if let Some(smaller) = done.bytes {
        std::fs::write("photo.small.jpg", smaller)?;
    }
    Ok(())
}
