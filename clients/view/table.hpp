// SPDX-License-Identifier: LGPL-2.1-or-later
// A table in columns, by libsmartcols. Pure.
#pragma once

#include "look.hpp"

#include <string>
#include <vector>

namespace virtpind::client {

struct Column {
    std::string title;
    bool right = false; // aligned
    unsigned rank = 0;  // where there is no space, the highest is left out first; 0: never
    std::size_t least =
        0; // cells that it can do with, by lines of its own; 0: as many as its texts
};

struct Cell {
    std::string text;
    Colour colour = Colour::none;
};

// A row has as many cells as there are columns.
[[nodiscard]] std::string render_table(const std::vector<Column>& columns,
                                       const std::vector<std::vector<Cell>>& rows,
                                       const Look& look);

} // namespace virtpind::client
