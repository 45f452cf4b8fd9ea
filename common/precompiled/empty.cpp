// SPDX-License-Identifier: LGPL-2.1-or-later
// Nothing: a library needs a source for its precompiled header to be made.
