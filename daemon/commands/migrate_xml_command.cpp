// SPDX-License-Identifier: LGPL-2.1-or-later
#include "migrate_xml_command.hpp"

#include "command_connection.hpp"
#include "common/base/printable.hpp"
#include "common/base/text_file.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/domain_xml/migration_xml.hpp"
#include "daemon/libvirt/observer.hpp"
#include "daemon/topology/topology_reader.hpp"
#include "exit_status.hpp"

#include <unistd.h>

#include <ostream>

namespace virtpind {

namespace {

Result<std::optional<Destination>> read_destination(const MigrateXmlOptions& options)
{
    const auto from_stdin = options.domain == "-";
    if (!options.topology && !from_stdin) {
        return std::optional<Destination>{};
    }
    // The hook runs where the domain is to arrive.
    const auto topology = read_topology(options.topology.value_or(TopologySource{}));
    if (!topology) {
        return topology.error();
    }
    return std::optional{
        Destination{.cpus = topology->usable_cpus(), .nodes = topology->memory_nodes()}};
}

} // namespace

int run_migrate_xml_command(const MigrateXmlOptions& options, std::ostream& out, std::ostream& err)
{
    const auto refuse = [&err](const Error& error, ExitStatus status) {
        err << "virtpind migrate-xml: " << printable(error.message, message_bytes_max) << '\n';
        return status;
    };
    const auto destination = read_destination(options);
    if (!destination) {
        return refuse(destination.error(), exit_bad_input);
    }
    const auto from_stdin = options.domain == "-";
    const auto text =
        from_stdin
            ? read_text(STDIN_FILENO, "standard input", domain_xml_bytes_max)
            : with_connection(options.uri, err, [&options](const VirtConnection& connection) {
                  return read_xml_to_send(connection, options.domain,
                                          options.persistent ? Side::definition : Side::running);
              });
    if (!text) {
        return refuse(text.error(), from_stdin ? exit_bad_input : exit_failed);
    }
    const auto edited = xml_for(*text, *destination);
    if (!edited) {
        return refuse(edited.error(), exit_bad_input);
    }
    out << *edited << std::flush;
    return out ? exit_good : exit_failed;
}

} // namespace virtpind
