// Compiles the headers that all tests share: see ASHLAR_FAST_TESTS.
