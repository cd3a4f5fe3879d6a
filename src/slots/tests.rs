use std::pin::pin;

use url::Url;

use super::*;
use crate::error::Kind;

fn host(name: &str) -> HostKey {
    HostKey::of(&Url::parse(name).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_full_host_holds_up_no_other() {
    let slots = Slots::new(2, 1, None, &Retry::default());
    let (a, b) = (host("http://a"), host("http://b"));
    let first = slots.acquire(&a).await.unwrap();
    let mut second = pin!(slots.acquire(&a));
    assert!(second.as_mut().now_or_never().is_none());
    let other = slots.acquire(&b).now_or_never();
    assert!(other.is_some());
    drop(first);
    let _second = second.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_paused_host_holds_no_slot_and_goes_on_afterwards() {
    let slots = Slots::new(1, 1, None, &Retry::default());
    let (a, b) = (host("http://a"), host("http://b"));
    assert_eq!(slots.pause(&a, Duration::from_secs(5)), Duration::from_secs(5));
    assert_eq!(slots.pause(&a, Duration::from_secs(7)), Duration::from_secs(2));
    assert_eq!(slots.pause(&a, Duration::from_secs(1)), Duration::ZERO);
    let start = Instant::now();
    let waiting = slots.acquire(&a);
    let other = slots.acquire(&b).now_or_never().expect("the other host is free");
    drop(other.unwrap());
    let _slot = waiting.await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(7));
}

#[tokio::test]
async fn turns_come_in_the_order_they_were_taken() {
    let slots = Arc::new(Slots::new(1, 1, None, &Retry::default()));
    let mut turns = Vec::new();
    for _ in 0..5 {
        turns.push(Turn::take(&slots, host("http://a")).await);
    }
    let (order, mut came) = tokio::sync::mpsc::unbounded_channel();
    for (n, turn) in turns.into_iter().enumerate().rev() {
        let order = order.clone();
        tokio::spawn(async move {
            let _slot = turn.come().await.unwrap();
            order.send(n).unwrap();
        });
    }
    for n in 0..5 {
        assert_eq!(came.recv().await, Some(n));
    }
}

#[tokio::test]
async fn a_redirect_takes_its_slot_along() {
    let slots = Slots::new(1, 1, None, &Retry::default());
    let slot = slots.acquire(&host("http://a")).await.unwrap();
    let slot = slots
        .exchange(slot, &host("http://b"))
        .now_or_never()
        .expect("b has room")
        .unwrap();
    assert!(slots.acquire(&host("http://a")).now_or_never().is_none());
    drop(slot);
    assert!(slots.acquire(&host("http://a")).now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_its_time_to_begin_does_not_begin_in_a_pause() {
    let slots = Slots::new(2, 2, Some(Duration::from_secs(1)), &Retry::default());
    let (a, b) = (host("http://a"), host("http://b"));
    let (start, first) = (Instant::now(), slots.acquire(&a).await.unwrap());
    let _first = slots.in_step(first, &a).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    let second = slots.acquire(&a).await.unwrap();
    let mut second = pin!(slots.in_step(second, &a));
    assert!(second.as_mut().now_or_never().is_none());
    slots.pause(&a, Duration::from_secs(10));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(second.as_mut().now_or_never().is_none());
    assert!(
        slots.acquire(&b).now_or_never().is_some(),
        "it holds no slot in the pause"
    );
    let _second = second.await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_pushes_back_gets_half_and_earns_the_rest_back() {
    let slots = Slots::new(4, 4, None, &Retry::default());
    let a = host("http://a");
    let free = |slots: &Slots| slots.host(&a).permits.available_permits();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(slots.acquire(&a).await.unwrap());
    }
    slots.push_back(&a, Instant::now(), None);
    assert_eq!(free(&slots), 0);
    drop(held.pop());
    assert_eq!(free(&slots), 0, "one was owed");
    held.clear();
    assert_eq!(free(&slots), 2);
    let slot = slots.acquire(&a).await.unwrap();
    for _ in 0..5 {
        slot.answered_well();
    }
    assert_eq!(free(&slots), 3);
    slot.answered_well();
    drop(slot);
    assert_eq!(free(&slots), 4);
}

#[tokio::test]
async fn hosts_that_nobody_uses_are_forgotten() {
    let slots = Slots::new(4, 4, None, &Retry::default());
    for n in 0..5000 {
        drop(slots.acquire(&host(&format!("http://h{n}"))).await.unwrap());
    }
    assert!(lock(&slots.hosts).used() <= 64, "{}", lock(&slots.hosts).used());
}

fn refused() -> TransferError {
    TransferError::Connect(std::io::ErrorKind::ConnectionRefused.into())
}

/// A slot at once, whose request is in vain.
async fn try_in_vain(slots: &Slots, key: &HostKey) {
    let slot = slots.acquire(key).await.unwrap();
    slots.in_vain(&slot, key, Instant::now(), &refused());
}

#[tokio::test(start_paused = true)]
async fn a_host_where_nobody_is_reached_is_tried_in_rounds_and_then_fails_all_that_wait() {
    let slots = Slots::new(1, 1, None, &Retry::default());
    let (a, b, start) = (host("http://a"), host("http://b"), Instant::now());
    for _ in 0..5 {
        try_in_vain(&slots, &a).await;
    }
    assert_eq!(start.elapsed(), Duration::from_millis(500 + 1000 + 2000 + 4000));
    let last = slots.acquire(&a).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(15_500));
    let mut waiting = pin!(slots.acquire(&a));
    assert!(waiting.as_mut().now_or_never().is_none());
    slots.in_vain(&last, &a, Instant::now(), &refused());
    let error = waiting.now_or_never().expect("no wait any more").unwrap_err();
    assert_eq!(error.to_string(), "a is given up: connection refused");
    assert_eq!((error.kind(), error.is_passing()), (Kind::Connect, false));
    drop(last);
    assert!(slots.acquire(&a).now_or_never().unwrap().is_err());
    assert!(slots.acquire(&b).now_or_never().unwrap().is_ok());
    slots.begin();
    assert!(
        slots.acquire(&a).now_or_never().unwrap().is_ok(),
        "a new list, a new chance"
    );
}

#[tokio::test(start_paused = true)]
async fn of_hosts_that_are_given_up_little_is_kept_and_each_stays_given_up() {
    let retry = Retry {
        times: 0,
        ..Retry::default()
    };
    let slots = Slots::new(1, 1, None, &retry);
    let hosts: Vec<_> = (0..3000).map(|n| host(&format!("http://h{n}"))).collect();
    for key in &hosts {
        for _ in 0..5 {
            try_in_vain(&slots, key).await;
        }
    }
    assert!(lock(&slots.hosts).used() <= 64);
    for key in &hosts {
        let error = slots.acquire(key).now_or_never().expect("no wait").unwrap_err();
        assert_eq!(error.to_string(), format!("{key} is given up: connection refused"));
        assert_eq!(error.kind(), Kind::Connect);
    }
    assert!(lock(&slots.hosts).used() <= 64);
    assert!(slots.acquire(&host("http://other")).now_or_never().unwrap().is_ok());
    slots.begin();
    assert!(slots.acquire(&hosts[0]).now_or_never().unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_answer_ends_the_doubt_and_all_go_on_at_once() {
    let slots = Slots::new(2, 2, None, &Retry::default());
    let a = host("http://a");
    let (first, second) = (slots.acquire(&a).await.unwrap(), slots.acquire(&a).await.unwrap());
    slots.in_vain(&first, &a, Instant::now(), &refused());
    drop(first);
    let mut waiting = pin!(slots.acquire(&a));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(slots.held_for(&a), Duration::from_millis(500));
    second.answered();
    drop(waiting.now_or_never().expect("no wait any more").unwrap());
    assert!(slots.acquire(&a).now_or_never().unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_answered_and_is_missed_is_tried_in_rounds_too_and_never_given_up() {
    let slots = Slots::new(1, 1, None, &Retry::default());
    let a = host("http://a");
    for _ in 0..2 {
        slots.acquire(&a).await.unwrap().answered();
        let start = Instant::now();
        for _ in 0..6 {
            try_in_vain(&slots, &a).await;
        }
        assert_eq!(start.elapsed(), Duration::from_millis(15_500));
        // From now on, each entry waits for itself.
        for _ in 0..100 {
            try_in_vain(&slots, &a).await;
        }
        assert_eq!(start.elapsed(), Duration::from_millis(15_500));
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_serves_and_pushes_many_back_is_left_alone_for_a_moment() {
    let slots = Slots::new(4, 4, None, &Retry::default());
    let (a, b) = (host("http://a"), host("http://b"));
    let waits = async |expected: u64| {
        let start = Instant::now();
        let slot = slots.acquire(&a).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(expected));
        assert!(slots.acquire(&b).now_or_never().is_some(), "others go on");
        slot
    };
    slots.acquire(&a).await.unwrap().answered_well();
    for (asked, expected) in [
        (None, 0),
        (None, 0),
        (None, 100),
        (None, 200),
        (Some(Duration::from_secs(7)), 0),
    ] {
        tokio::time::advance(Duration::from_millis(1)).await;
        slots.push_back(&a, Instant::now(), asked);
        drop(waits(expected).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_in_trouble_has_few_slots_as_long_as_others_want_them() {
    let slots = Slots::new(8, 8, None, &Retry::default());
    let (a, b) = (host("http://a"), host("http://b"));
    let first = slots.acquire(&a).await.unwrap();
    let heard = first.heard();
    first.answered();
    // Nothing came for one request, and an answer for another one in the meantime.
    first.fell_silent(heard);
    assert!(!slots.host(&a).is_in_trouble());
    first.fell_silent(first.heard());
    assert!(slots.host(&a).is_in_trouble());
    drop(first);
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(slots.acquire(&a).now_or_never().unwrap().unwrap());
    }
    let mut others = Vec::new();
    for _ in 0..6 {
        others.push(slots.acquire(&b).now_or_never().unwrap().unwrap());
    }
    let mut third = pin!(slots.acquire(&a));
    assert!(third.as_mut().now_or_never().is_none());
    // The next one that is free is for whoever else wants it.
    let mut another = pin!(slots.acquire(&b));
    assert!(another.as_mut().now_or_never().is_none());
    drop(others.pop());
    tokio::time::sleep(2 * trouble::LOOK).await;
    assert!(third.as_mut().now_or_never().is_none());
    others.push(another.now_or_never().unwrap().unwrap());
    // Nobody does.
    drop(others.pop());
    tokio::time::sleep(2 * trouble::LOOK).await;
    let third = third.now_or_never().unwrap().unwrap();
    third.answered();
    assert!(!slots.host(&a).is_in_trouble());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_asks_everybody_for_too_much_patience_is_given_up() {
    let slots = Slots::new(1, 1, None, &Retry::default());
    let a = host("http://a");
    let status = TransferError::Status {
        status: reqwest::StatusCode::TOO_MANY_REQUESTS,
        retry_after: None,
    };
    let ask = async |times| {
        for _ in 0..times {
            // What was under way together is one answer.
            tokio::time::advance(Duration::from_millis(1)).await;
            let began = Instant::now();
            (0..20).for_each(|_| slots.asks_too_much(&a, began, &status));
        }
    };
    ask(patience::EVERYBODY - 1).await;
    slots.acquire(&a).await.unwrap().serves();
    ask(patience::EVERYBODY - 1).await;
    drop(slots.acquire(&a).await.unwrap());
    ask(1).await;
    let error = slots.acquire(&a).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "a is given up: 429 Too Many Requests, and it asks for more patience than --retry-max-wait"
    );
    assert_eq!(error.kind(), Kind::Http);
}

#[tokio::test(start_paused = true)]
async fn who_is_led_to_a_host_that_is_left_alone_does_not_wait_for_himself() {
    let slots = Slots::new(1, 1, None, &Retry::default());
    let (a, b) = (host("http://a"), host("http://b"));
    let start = Instant::now();
    slots.pause(&b, Duration::from_secs(3));
    let slot = slots.acquire(&a).await.unwrap();
    let slot = slots.exchange(slot, &b).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    slot.fell_silent(slot.heard());
    drop(slot);
    let slot = slots.acquire(&a).await.unwrap();
    let _slot = slots.exchange(slot, &b).await.unwrap();
}
