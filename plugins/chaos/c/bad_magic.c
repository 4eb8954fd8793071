/* A table that is none: the magic is wrong. */
#include "squeezed_plugin.h"

static SqzPlugin table;

const SqzPlugin *squeezed_plugin_entry(void) {
    table.magic = 0x2147554c505a5153u;
    table.struct_size = sizeof table;
    table.abi_major = SQZ_ABI_MAJOR;
    return &table;
}
