"""Some eighty lines as users of CloudMonkey write them, with what they answer: the exit code, and what is in the text.

`>` is standard output, `!` standard error. A line sees what lines before it did.
"""

from __future__ import annotations

import csv
import io
import json

import pytest
import yaml

from tests.cw.conftest import cw

OFFERING = "DefaultIsolatedNetworkOfferingWithSourceNatService"
IMAGE = "'Tiny Linux (Simulator)'"


def play(transcript: str) -> None:
    """Run each line that begins with `cw`, and compare. `= N` before a line is its exit code."""
    code, said = 0, None
    for line in filter(None, map(str.strip, transcript.splitlines())):
        sign, _, text = line.partition(" ")
        if sign == "=":
            code = int(text)
        elif sign == "cw":
            said = cw(text)
            assert said.code == code, (line, said)
            code = 0
        else:
            assert said is not None
            assert sign in (">", "!", ">!"), line
            told = {">": said.out, "!": said.err, ">!": said.out}[sign]
            assert (text in told) is (sign != ">!"), (line, said)


@pytest.fixture(scope="module", autouse=True)
def there(signed, ready_zone):
    return ready_zone


def test_both_tongues_and_names_for_ids():
    play(f"""
        cw list zones
        > "count": 1
        cw list zones name=demo
        > "name": "demo"
        cw listZones
        > "name": "demo"
        cw LISTZONES id=demo
        > "name": "demo"
        cw list zones NAME=demo
        > "name": "demo"
        cw list zones name=nowhere
        > {{}}
        cw create serviceoffering name=small displaytext=small cpunumber=1 cpuspeed=500 memory=128
        > "serviceoffering"
        cw create serviceoffering name=custom displaytext=custom customized=true
        > "custom"
        cw create network name=lan networkofferingid={OFFERING} zoneid=demo
        > "name": "lan"
        cw create network name=lan2 networkofferingid=DefaultL2NetworkOffering zoneid=DEMO
        > "name": "lan2"
        cw list networks zoneid=demo filter=name
        > "lan2"
        cw list hosts zoneid=demo type=Routing filter=name,state
        > "Up"
    """)


def test_jobs_and_not_waiting_for_them():
    play(f"""
        cw deploy virtualmachine name=web zoneid=demo serviceofferingid=small networkids=lan,lan2 templateid={IMAGE} --steps
        > "state": "Running"
        ! a host was chosen
        cw deployVirtualMachine name=made zoneid=demo serviceofferingid=custom networkids=lan templateid={IMAGE} startvm=false details[0].cpuNumber=1 details[0].cpuSpeed=500 details[0].memory=128
        > "state": "Stopped"
        cw stop virtualmachine id=web -q
        > "state": "Stopped"
        cw start virtualmachine id=web hostid=ready1
        > "hostname": "ready1"
        cw reboot virtualmachine id=web --no-wait
        > "jobid"
        ! cw job follow
        cw list asyncjobs listall=true filter=cmd
        > RebootVirtualMachine
        cw update virtualmachine id=web displayname=front
        > "front"
        cw create tags resourcetype=UserVm resourceids=front tags[0].key=tier tags[0].value=web
        > "success": true
        cw list tags resourcetype=UserVm resourceid=front filter=key,value -o csv
        > tier,web
        = 4
        cw create tags resourcetype=UserVm resourceids=front,fornt tags[0].key=tier tags[0].value=web
        ! 'fornt'
        cw update serviceoffering id=small zoneid=demo filter=zone
        > "demo"
        cw update serviceoffering id=small zoneid=all
        cw stop virtualmachine id=front forced=true
        > "Stopped"
        cw start virtualmachine id=front
        > "Running"
    """)  # noqa: E501  a line is a line
    job = json.loads(cw("reboot virtualmachine id=web --no-wait").out)["jobid"]
    play(f"""
        cw job follow {job}
        > "state": "Running"
        cw query asyncjobresult jobid={job}
        > "jobstatus": 1
        cw job story {job} -o table
        > SAID
        cw job list -o csv
        > rebootVirtualMachine
        = 1
        cw job cancel {job}
        ! cannot be cancelled
        cw explain {job} -o json
        > "jobstatus": 1
    """)


def test_every_output():
    lines = csv.DictReader(io.StringIO(cw("list zones -o csv").out))
    assert [row["name"] for row in lines] == ["demo"]
    plain = json.loads(cw("list zones").out)
    assert json.loads(cw("list zones -o json").out) == plain == yaml.safe_load(cw("list zones -o yaml").out)
    table = cw("list zones -o table").out.splitlines()
    assert table[0].split()[:2] == ["ID", "NAME"]
    assert table[1].split()[1] == "demo"
    assert cw("list zones", terminal=True).out == cw("list zones -o table").out
    play("""
        cw list zones -o text
        > name = demo
        cw list zones -o wide
        > INTERNALDNS1
        cw list zones -o column filter=name,dns1
        > demo  9.9.9.9
        cw list zones filter=id,name -o csv
        > id,name
        cw list zones --filter name,networktype -o csv
        > demo,Advanced
        cw list virtualmachines name=web filter=name,nic.networkname -o csv
        > web,"lan,lan2"
        cw list zones --query zone[].name
        > "demo"
        cw list zones --query zone[0].name -o text
        > demo
        cw list zones --query zone[0].{zone:name,dns:dns1} -o table
        > 9.9.9.9
        cw list zones --query 'length(zone)' -o text
        > 1
        cw list zones filter=name,dns3
        ! listZones tells no dns3; did you mean dns
        cw list templates filter=name -o csv
        > Tiny Linux
        cw -o csv vm list --state Running --filter name
        > web
        = 2
        cw list zones --query [
        ! is no JMESPath
        = 2
        cw list zones -o picture
        ! There is no output 'picture'
        cw list zones name=nowhere -o table
        cw list zones name=nowhere -o csv
        cw list zones name=nowhere -o yaml
        > {}
        cw update zone id=demo dns2=9.9.9.10 -o table filter=dns2
        > dns2  9.9.9.10
        cw list networkofferings pagesize=2 page=1 filter=name -o csv
        ! --all shows all
        cw list networkofferings --all filter=name -o csv
        > DefaultSharedNetworkOffering
    """)


def test_errors_say_what_and_end_with_their_code():
    play(f"""
        = 2
        cw lisst zones
        ! did you mean list
        = 2
        cw list zoness
        ! did you mean list zones
        = 2
        cw list
        ! list what? There are:
        = 2
        cw frobnicateVirtualMachine
        ! There is no command 'frobnicateVirtualMachine'
        = 2
        cw list zones nam=demo
        ! did you mean name
        = 2
        cw list zones demo
        ! is no parameter: they are written name=value
        = 2
        cw deploy virtualmachine name=x
        ! deployVirtualMachine needs serviceofferingid, zoneid
        = 2
        cw list zones --frob
        ! There is no option --frob
        = 2
        cw list zones --apikey x
        ! in the list of processes
        = 2
        cw stop virtualmachine web
        ! did you mean id=web?
        = 4
        cw stop virtualmachine id=wep
        ! web
        = 4
        cw deploy virtualmachine name=x zoneid=dmo serviceofferingid=small templateid={IMAGE}
        ! None of the zones that you may see is called 'dmo'
        = 1
        cw create zone name=x networktype=Advanced dns1=nothing internaldns1=9.9.9.9
        ! dns1
        = 1
        cw delete network id=lan
        ! web
        = 6
        cw list zones -u http://127.0.0.1:1/client/api
        ! cannot be reached
        = 6
        cw list zones -u nonsense
        ! is no URL of a server
        = 2
        cw list zones -p nobody
        ! There is no profile 'nobody'
        = 2
        cw list zones filter
        ! is no parameter
        = 2
        cw list zones name=@/nowhere/file
        ! No such file
        = 2
        cw vm frob
        ! cw vm what? There are: create, list
        = 2
        cw vm start
        ! takes NAME
        = 2
        cw vm create web --frob
        ! has no option --frob
    """)


def test_a_job_that_fails():
    cw("create serviceoffering name=huge displaytext=huge cpunumber=1 cpuspeed=500 memory=1048576 hosttags=none")
    play(f"""
        = 5
        cw deploy virtualmachine name=big zoneid=demo serviceofferingid=huge networkids=lan templateid={IMAGE}
        ! deployVirtualMachine:
        ! cw job story
        cw list virtualmachines name=big filter=state
        > Error
        cw explain big -o json
        > "kind": "VirtualMachine"
    """)


def test_dry_runs_tokens_and_time_limits():
    play(f"""
        cw create network name=dry networkofferingid={OFFERING} zoneid=demo --dry-run
        > "dryrun"
        cw list networks name=dry
        > {{}}
        cw create network name=once networkofferingid={OFFERING} zoneid=demo --client-token t1
        > "once"
        cw create network name=once networkofferingid={OFFERING} zoneid=demo --client-token t1
        > "once"
        = 1
        cw create network name=other networkofferingid={OFFERING} zoneid=demo --client-token t1
        ! already used for createNetwork
        = 2
        cw list zones --timeout soon
        ! it must be a number of seconds
    """)
    assert json.loads(cw("list networks name=once").out)["count"] == 1
    cw(f"create network name=once networkofferingid={OFFERING} zoneid=demo")
    ambiguous = cw("delete network id=once")
    assert (ambiguous.code, ambiguous.err.count("once (")) == (4, 2)
    assert "give the id of the one you mean" in ambiguous.err


def test_words_for_every_day():
    address = json.loads(cw("list publicipaddresses issourcenat=true listall=true").out)["publicipaddress"]
    lan = next(row["ipaddress"] for row in address if row["associatednetworkname"] == "lan")
    routers = json.loads(cw("list routers listall=true").out)["router"]
    routed = next(row["hostname"] for row in routers if row["guestnetworkname"] == "lan")
    other = {"ready1": "ready2", "ready2": "ready1"}[routed]
    play(f"""
        cw vm create daily --image {IMAGE} --offering small --network lan
        > "name": "daily"
        cw vm create --name waits --image {IMAGE} --offering small --network lan --no-wait startvm=false
        ! cw job follow
        cw vm create planned --image {IMAGE} --offering small --network lan --dry-run
        > "dryrun"
        cw vm list -o table
        > HOSTNAME
        cw vm list dail -o csv
        > daily
        cw vm -o json
        > "daily"
        = 1
        cw vm ssh daily
        ! cannot be reached from outside
        ! ipaddressid={lan}
        cw create portforwardingrule ipaddressid={lan} virtualmachineid=daily protocol=tcp publicport=2201 privateport=22
        > "publicport": "2201"
        cw vm ssh daily --user root --dry-run -- uname -a
        > ssh -p 2201 root@{lan} uname -a
        cw vm ssh daily --private --user root --key ~/.ssh/web --dry-run
        > /.ssh/web root@10.1.1.
        = 2
        cw vm ssh daily --port x
        ! no port
        cw net map lan
        > tcp 2201 -> daily
        cw net map -o json
        > "publicport": "2201"
        cw net list -o table
        > CIDR
        cw vm console daily -o text
        > console
        cw vm console daily --serial -o text
        > &protocol=serial
        cw vm console daily -o json
        > "url"
        cw vm stop daily --force
        > "Stopped"
        = 1
        cw vm ssh daily
        ! daily is Stopped
        cw vm start daily
        > "Running"
        cw vm reboot daily
        > "Running"
        cw vm delete daily --expunge
        > "daily"
        cw host list -o table
        > RESOURCESTATE
        cw vm stop web
        cw vm start web --host {other}
        > "hostname": "{other}"
        cw host drain {other} --dry-run
        > "dryrun"
        cw host drain {other}
        ! web is on {routed}
        ! {other} is Maintenance
        cw list hosts name={other} filter=resourcestate
        > "Maintenance"
        = 5
        cw host drain {routed}
        ! prepareHostForMaintenance: No host
        cw host resume {other}
        > "Enabled"
        cw host list --state Up -o csv
        > {routed}
        cw explain 533
        > capacity
        cw explain deployVirtualMachine
        > admin may call deployVirtualMachine
        cw explain access apiname=listZones filter=allowed
        > true
        cw get apilimit
        > "apilimit"
        cw explain web
        > VirtualMachine web
        = 4
        cw explain nothing-of-that-name
        ! There is no job and no thing
    """)


def test_help_and_the_commands_there_are():
    play("""
        cw --help
        > Exit codes:
        cw --version
        > cw 0.
        cw version
        > cw 0.
        cw help
        > For every day:
        cw help deploy virtualmachine
        > name or id of service offering
        cw deployVirtualMachine -h
        > Required:
        cw help list
        > Lists zones.
        cw help vm create
        > --image
        cw vm create --help
        > --image
        cw help vm
        > cw vm console
        cw help login
        > --verify
        cw set -h
        > signatureversion
        cw help get
        > as a file for cw apply
        cw help get apilimit
        > getApiLimit
        cw sync -h
        > after an upgrade
        cw api zone -o csv filter=name
        > createZone
        cw api dedicatezone filter=cw -o csv
        > dedicate zone
        cw sync
        > commands of http
        cw explain -h
        > cw explain ID
        cw login --help
        > --keys
    """)
