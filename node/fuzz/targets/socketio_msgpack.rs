#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fanfare_parser_tests::socketio_msgpack(data));
