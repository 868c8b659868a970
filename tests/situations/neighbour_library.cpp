// Found by `opener_library` alone.
extern "C" __attribute__((visibility("default"))) int neighbour();

int neighbour() { return 1; }
