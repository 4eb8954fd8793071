/* A plugin of the next ABI major: a loader must refuse it and name both sides. */
#include "squeezed_plugin.h"

static SqzPlugin table;

const SqzPlugin *squeezed_plugin_entry(void) {
    table.magic = SQZ_MAGIC;
    table.struct_size = sizeof table;
    table.abi_major = SQZ_ABI_MAJOR + 1;
    return &table;
}
