#include "c_header.h"

#include <gtest/gtest.h>

TEST(CHeader, CompilesAndRunsInC) { EXPECT_EQ(use_ashlar_from_c(), 0) << "the line in c_header.c"; }
