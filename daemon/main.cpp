// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/base/printable.hpp"
#include "daemon/commands/doctor_command.hpp"
#include "daemon/commands/migrate_xml_command.hpp"
#include "daemon/commands/plan_command.hpp"
#include "daemon/commands/restore_command.hpp"
#include "daemon/daemon.hpp"
#include "daemon/options.hpp"

#include <unistd.h>

#include <csignal>
#include <exception>
#include <iostream>

namespace {

constexpr int failed = 1;
constexpr int bad_usage = 2;

int run(int argc, char** argv)
{
    using namespace virtpind;
    const auto options = parse_options(argc, argv);
    if (!options) {
        std::cerr << "virtpind: " << printable(options.error().message, 4096) << '\n';
        return bad_usage;
    }
    if (const auto* print = std::get_if<PrintAndExit>(&*options)) {
        std::cout << print->text;
        return print->status;
    }
    if (const auto* plan = std::get_if<PlanOptions>(&*options)) {
        return run_plan_command(*plan, std::cout, std::cerr);
    }
    if (const auto* doctor = std::get_if<DoctorOptions>(&*options)) {
        auto here = *doctor;
        here.for_terminal = ::isatty(STDOUT_FILENO) == 1;
        return run_doctor_command(here, std::cout, std::cerr);
    }
    if (const auto* restore = std::get_if<RestoreOptions>(&*options)) {
        return run_restore_command(*restore, std::cout, std::cerr);
    }
    if (const auto* migrate_xml = std::get_if<MigrateXmlOptions>(&*options)) {
        return run_migrate_xml_command(*migrate_xml, std::cout, std::cerr);
    }
    const auto& daemon = std::get<DaemonOptions>(*options);
    return daemon.check_config ? check_config(daemon) : run_daemon(daemon);
}

} // namespace

int main(int argc, char** argv)
{
    // libvirt's client writes to its socket with write(2), and a libvirtd that ends at that moment
    // is an error of the call. systemd ignores the signal for its services; a shell does not for
    // `virtpind restore`.
    std::signal(SIGPIPE, SIG_IGN);
    try {
        const auto status = run(argc, argv);
        if (!std::cout.flush()) {
            std::cerr << "virtpind: the output could not be written\n";
            return failed;
        }
        return status;
    } catch (const std::exception& broken) {
        std::cerr << "virtpind: " << broken.what() << '\n';
        return failed;
    }
}
