/* A fence device: see device.h. */
#include "node/device.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

size_t device_input(char out[WATCHER_INPUT_MAX], const struct config_device *d,
                    const struct secrets *secrets, const char *action)
{
    int room = WATCHER_INPUT_MAX;
    int at = snprintf(out, (size_t)room, "action=%s\nlogin_timeout=%lld\npower_timeout=%lld\n",
                      action, (long long)(d->login_timeout.ns / 1000000000),
                      (long long)(d->power_timeout.ns / 1000000000));
    for (size_t i = 0; i < d->option_count && at < room; i++)
        at += snprintf(out + at, (size_t)(room - at), "%s\n", d->options[i]);
    for (size_t i = 0; i < secrets->count && at < room; i++)
        at += snprintf(out + at, (size_t)(room - at), "%s=%s\n", secrets->names[i],
                       secrets->values[i]);
    return at < room ? (size_t)at : 0;
}

/* An option by one of its two names; NULL if there is none. Never a secret: it becomes an argument
 * of a process, which every user sees. */
static const char *device_option(const struct config_device *d, const char *name,
                                 const char *old_name)
{
    const char *value = config_device_option(d, name);
    return value ? value : config_device_option(d, old_name);
}

bool device_queryable(const struct config_device *d, char why[DEVICE_TEXT_SIZE])
{
    if (device_option(d, "ip", "ipaddr") && device_option(d, "username", "login"))
        return true;
    snprintf(why, DEVICE_TEXT_SIZE,
             "identity ipmi-guid needs ip and username among the options: only the password is "
             "taken from the secrets");
    return false;
}

bool device_query(struct device_query *out, const struct config_device *d,
                  const struct secrets *secrets, char why[DEVICE_TEXT_SIZE])
{
    const char *ip = device_option(d, "ip", "ipaddr");
    const char *user = device_option(d, "username", "login");
    const char *port = device_option(d, "ipport", "udpport");
    const char *cipher = config_device_option(d, "cipher");
    const char *plus = config_device_option(d, "lanplus");
    const char *password = secrets_find(secrets, "password");
    if (!password)
        password = secrets_find(secrets, "passwd");
    if (!device_queryable(d, why))
        return false;
    if (!password) {
        snprintf(why, DEVICE_TEXT_SIZE, "identity ipmi-guid needs the password in the secrets");
        return false;
    }
    *out = (struct device_query){0};
    snprintf(out->password, sizeof out->password, "IPMI_PASSWORD=%s", password);
    snprintf(out->timeout, sizeof out->timeout, "%lld",
             (long long)(d->login_timeout.ns / 1000000000));
    /* fence_ipmilan's own default is plain lan. */
    bool lanplus = plus && strchr("1yYtT", plus[0]) && plus[0];
    const char *argv[] = {DEVICE_IPMITOOL,
                          "-I",
                          lanplus ? "lanplus" : "lan",
                          "-H",
                          ip,
                          "-p",
                          port ? port : "623",
                          "-U",
                          user,
                          "-E",
                          "-N",
                          out->timeout,
                          "-R",
                          "1"};
    size_t count = sizeof argv / sizeof *argv;
    for (size_t i = 0; i < count; i++)
        out->argv[i] = (char *)(uintptr_t)argv[i];
    if (cipher && lanplus) {
        out->argv[count++] = (char *)(uintptr_t) "-C";
        out->argv[count++] = (char *)(uintptr_t)cipher;
    }
    out->argv[count++] = (char *)(uintptr_t) "mc";
    out->argv[count++] = (char *)(uintptr_t) "guid";
    return true;
}

void device_guid(char out[DEVICE_SIZE], const char *text, size_t size)
{
    static const char label[] = "System GUID";
    const char *end = text + size;
    memset(out, 0, DEVICE_SIZE);
    for (const char *line = text; line < end;) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        const char *stop = next ? next : end;
        const char *colon = memchr(line, ':', (size_t)(stop - line));
        bool found = (size_t)(stop - line) > strlen(label) &&
                     memcmp(line, label, strlen(label)) == 0 && colon;
        line = next ? next + 1 : end;
        if (!found)
            continue;
        size_t at = 0;
        for (colon++; colon < stop && *colon == ' '; colon++)
            continue;
        while (colon < stop && at < DEVICE_SIZE - 1 &&
               (isxdigit((unsigned char)*colon) || *colon == '-'))
            out[at++] = (char)tolower((unsigned char)*colon++);
        return;
    }
}
