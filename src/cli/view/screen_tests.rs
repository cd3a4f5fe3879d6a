use std::sync::mpsc;

use super::*;
use crate::cli::view::paint::width;

/// A screen, and what it sent to the terminal.
fn screen(columns: usize) -> (Screen, mpsc::Receiver<String>) {
    let (sender, sent) = mpsc::channel();
    let sink = move |text: &str| sender.send(text.to_owned()).is_ok();
    (Screen::new(columns, 24, true, Box::new(sink)), sent)
}

/// Draws as indicatif does: up to the block's first line, each line cleared, written, and filled with blanks.
fn draw(screen: &Screen, before: usize, lines: &[&str]) {
    screen.move_cursor_up(before.saturating_sub(1)).unwrap();
    for at in 0..before {
        screen.clear_line().unwrap();
        if at + 1 < before {
            screen.move_cursor_down(1).unwrap();
        }
    }
    screen.move_cursor_up(before.saturating_sub(1)).unwrap();
    for line in lines {
        screen.write_str(line).unwrap();
        let filler = usize::from(screen.width()) - width(line);
        screen.write_str(&" ".repeat(filler)).unwrap();
    }
    screen.flush().unwrap();
}

#[test]
fn only_what_changed_is_sent() {
    let (screen, sent) = screen(20);
    draw(&screen, 0, &["a.bin 10%", "total 1"]);
    assert_eq!(sent.recv().unwrap(), "\ra.bin 10%\x1b[K\r\n\rtotal 1\x1b[K\r\x1b[7C");
    draw(&screen, 2, &["a.bin 10%", "total 2"]);
    assert_eq!(sent.recv().unwrap(), "\r\x1b[6C2\r\x1b[7C");
    draw(&screen, 2, &["a.bin 20%", "total 2"]);
    assert_eq!(sent.recv().unwrap(), "\x1b[1A\r\x1b[6C2\r\n\r\x1b[7C");
    draw(&screen, 2, &["a.bin 20%", "total 2"]);
    assert_eq!(sent.recv().unwrap(), "");
}

#[test]
fn after_others_wrote_the_block_is_drawn_anew_where_the_cursor_is() {
    let (screen, sent) = screen(20);
    draw(&screen, 0, &["failed x", "a 1", "total"]);
    draw(&screen, 3, &["a 1", "total"]);
    screen.forget();
    draw(&screen, 2, &["a 2", "total"]);
    draw(&screen, 2, &["a 3", "total"]);
    let sent: Vec<_> = sent.try_iter().collect();
    assert_eq!(sent[2], "\ra 2\x1b[K\r\n\rtotal\x1b[K\r\x1b[5C");
    assert_eq!(sent[3], "\x1b[1A\r\x1b[2C3\r\n\r\x1b[5C");
}

#[test]
fn a_line_above_the_block_becomes_scrollback() {
    let (screen, sent) = screen(20);
    draw(&screen, 0, &["a 1", "total"]);
    draw(&screen, 2, &["failed x", "a 1", "total"]);
    // The block has two lines still: the third draw leaves the message alone.
    draw(&screen, 2, &["a 2", "total"]);
    let sent: Vec<_> = sent.try_iter().collect();
    assert_eq!(sent[1], "\x1b[1A\rfailed x\r\n\ra 1\x1b[K\r\n\rtotal\x1b[K\r\x1b[5C");
    assert_eq!(sent[2], "\x1b[1A\r\x1b[2C2\r\n\r\x1b[5C");
}

#[test]
fn a_narrower_terminal_has_folded_the_lines_and_they_are_taken_back() {
    let (screen, sent) = screen(20);
    draw(&screen, 0, &["0123456789abcde", "0123456789abcd"]);
    screen.resize(8, 24);
    draw(&screen, 2, &["0123456", "total"]);
    let sent: Vec<_> = sent.try_iter().collect();
    // 15 columns are two rows of eight; the cursor after 14 columns stands in the second row of the last line.
    assert_eq!(
        sent[1],
        "\x1b[3A\r\x1b[K\x1b7\x1b[B\x1b[J\x1b8\r0123456\x1b[K\r\n\rtotal\x1b[K\r\x1b[5C"
    );
}

#[test]
fn a_block_that_shrinks_leaves_no_ghost() {
    let (screen, sent) = screen(20);
    draw(&screen, 0, &["a", "b", "total"]);
    draw(&screen, 3, &["b", "total"]);
    screen.close();
    let sent: Vec<_> = sent.try_iter().collect();
    assert_eq!(
        sent[1],
        "\x1b[2A\rb\r\n\rtotal\r\n\r\x1b[K\x1b7\x1b[B\x1b[J\x1b8\x1b[1A\r\x1b[5C"
    );
    assert_eq!(sent[2], "\x1b[1A\r\x1b[K\x1b7\x1b[B\x1b[J\x1b8");
}

#[test]
fn after_a_panic_nothing_is_drawn_any_more() {
    let (screen, sent) = screen(20);
    let close = screen.closer();
    draw(&screen, 0, &["a", "total"]);
    close();
    draw(&screen, 2, &["b", "total"]);
    drop(screen);
    close();
    let sent: Vec<_> = sent.try_iter().collect();
    assert_eq!(sent[1..], ["\x1b[1A\r\x1b[K\x1b7\x1b[B\x1b[J\x1b8"]);
}
