// SPDX-License-Identifier: LGPL-2.1-or-later
// As standard.hpp, for the tests.
#include "standard.hpp"

#include <gtest/gtest.h>
