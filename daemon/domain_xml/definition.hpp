// SPDX-License-Identifier: LGPL-2.1-or-later
// Editing a persistent definition as text. Pure.
#pragma once

#include "common/base/result.hpp"
#include "common/model/action.hpp"

#include <string>
#include <string_view>

namespace virtpind::host {

// `text` with `change` made: <vcpu cpuset=>, <cputune> pins and <numatune>. Everything else stays:
// comments, unknown elements, foreign namespaces, order of attributes, whitespace. What already
// says what it should is not touched, and where nothing has to change the answer is `text` itself,
// byte for byte.
// Errors: invalid_argument (not a domain XML; a pin set that is empty; a numatune that is not XML),
// limits_exceeded.
[[nodiscard]] Result<std::string> edit_definition(std::string_view text,
                                                  const DefinitionChange& change);

// `text` without <metadata/>, which libvirt leaves behind when the last element in it is removed.
// Errors as above.
[[nodiscard]] Result<std::string> without_empty_metadata(std::string_view text);

} // namespace virtpind::host
