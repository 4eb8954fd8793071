/* A table of the right version without functions. */
#include "squeezed_plugin.h"

static SqzPlugin table;

const SqzPlugin *squeezed_plugin_entry(void) {
    table.magic = SQZ_MAGIC;
    table.struct_size = sizeof table;
    table.abi_major = SQZ_ABI_MAJOR;
    table.abi_minor = SQZ_ABI_MINOR;
    return &table;
}
