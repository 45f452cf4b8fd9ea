// SPDX-License-Identifier: LGPL-2.1-or-later
// What nearly every source includes of the standard library, read by the compiler once for the
// program (meson.build here). Sources include what they use all the same: without this
// (-Db_pch=false, clang) they must build, too.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>
