/* An entry without a table. */
#include "squeezed_plugin.h"

const SqzPlugin *squeezed_plugin_entry(void) {
    return 0;
}
