// SPDX-License-Identifier: MIT

//! A Rust program: threads, hash maps, strings and a caught panic.

use std::collections::HashMap;
use std::thread;

#[inline(never)]
fn count_words(seed: u64) -> HashMap<String, u64> {
    let mut counts = HashMap::new();
    let mut x = seed;
    for _ in 0..900_000 {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        *counts.entry(format!("word-{}", x >> 52)).or_insert(0) += 1;
    }
    counts
}

fn main() {
    let threads: Vec<_> = (0..3)
        .map(|i| thread::Builder::new().name(format!("counter-{}", i))
            .spawn(move || count_words(i)).unwrap())
        .collect();
    let mut words = 0;
    for t in threads {
        words += t.join().unwrap().len();
    }
    let panicked = thread::spawn(|| {
        std::panic::set_hook(Box::new(|_| {}));
        panic!("on purpose")
    }).join().is_err();
    println!("{} words, panicked {}", words, panicked);
    std::process::exit(4);
}
