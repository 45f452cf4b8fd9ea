# SPDX-License-Identifier: LGPL-2.1-or-later
# The guest of virtpind-bench: no operating system, a boot sector and the sectors behind it. It spins on the time stamp
# counter (TSC), and tells how long it was away each time. Between windows it waits for the next order.
#
# Protocol, on the first serial port, in text:
#   order   eight hex digits: how long the window is, in units of 1024 cycles of the TSC
#   answer  "W iterations cycles tsc vcpus"           of the window, and the TSC at its end
#           "index count sum" for each bucket of gaps  of THRESHOLD cycles or more, by 8 log2(gap), all numbers in hex
#           "E lines"                                  how many lines of buckets there were
#   "R\n" once it has booted
#
# Its other vCPUs only spin, so that a core's threads compete.
	.intel_syntax noprefix
	.set THRESHOLD, 4096
	.set SECTORS, 3			# behind the boot sector
	.set VARIABLES, 0x10000
	.set iterations, VARIABLES
	.set begin, VARIABLES + 8
	.set last, VARIABLES + 16
	.set end, VARIABLES + 24
	.set counts, VARIABLES + 0x1000	# 512 of 4 bytes
	.set sums, VARIABLES + 0x2000	# 512 of 8 bytes
	.set TRAMPOLINE, 0x9000		# where the other vCPUs begin; a page
	.set PORT, 0x3f8

	.code16
	.globl _start
_start:	jmp	begin16
	.org 0x3e			# some firmware writes into the head of a boot sector
begin16:
	cli
	xor	ax, ax
	mov	ds, ax
	mov	es, ax
	mov	ss, ax
	mov	sp, 0x7c00
	sti
	mov	si, offset packet
	mov	ah, 0x42		# by block number: tiny disks have no geometry
	int	0x13
	cli
	jmp	to_protected

packet:	.byte 16, 0
	.word SECTORS
	.word 0x7e00, 0
	.quad 1

# The other vCPUs come here, too, by a far jump at TRAMPOLINE.
to_protected:
	xor	ax, ax
	mov	ds, ax
	lgdt	gdt_pointer
	mov	eax, cr0
	or	al, 1
	mov	cr0, eax
	ljmp	8:protected

	.balign 8
gdt:	.quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdt_pointer:
	.word gdt_pointer - gdt - 1
	.long gdt

	.org 510
	.word 0xaa55

	.code32
protected:
	mov	ax, 16
	mov	ds, ax
	mov	es, ax
	mov	ss, ax
	lock inc dword ptr [vcpus]
	cmp	dword ptr [vcpus], 1
	jne	other
	mov	esp, 0x7c00
	mov	dword ptr [0xfee000f0], 0x1ff	# the local APIC is on
	mov	byte ptr [TRAMPOLINE], 0xea	# jmp 0:to_protected
	mov	word ptr [TRAMPOLINE + 1], offset to_protected
	mov	word ptr [TRAMPOLINE + 3], 0
	mov	dword ptr [0xfee00300], 0xc4500	# INIT, then start, to all others
	call	delay
	mov	dword ptr [0xfee00300], 0xc4600 + TRAMPOLINE / 4096
	call	delay
	mov	al, 'R'
	call	put
	call	newline

wait_for_order:
	xor	ebp, ebp
	mov	esi, 8
1:	call	get
	or	al, 0x20
	sub	al, '0'
	cmp	al, 10
	jb	2f
	sub	al, 'a' - '0' - 10
2:	and	eax, 15
	shl	ebp, 4
	or	ebp, eax
	dec	esi
	jnz	1b

	xor	eax, eax
	mov	edi, counts
	mov	ecx, 512
	rep stosd
	mov	edi, sums
	mov	ecx, 1024
	rep stosd
	mov	[iterations], eax
	mov	[iterations + 4], eax
	mov	eax, ebp		# the window in cycles: edi:ebp
	mov	edi, ebp
	shl	ebp, 10
	shr	edi, 22
	rdtsc
	mov	[begin], eax
	mov	[begin + 4], edx
	mov	[last], eax
	mov	[last + 4], edx
	add	ebp, eax
	adc	edi, edx
	mov	[end], ebp
	mov	[end + 4], edi

spin:	rdtsc
	mov	ebx, eax
	mov	ecx, edx
	sub	eax, [last]
	sbb	edx, [last + 4]
	mov	[last], ebx
	mov	[last + 4], ecx
	add	dword ptr [iterations], 1
	adc	dword ptr [iterations + 4], 0
	test	edx, edx
	jnz	1f
	cmp	eax, THRESHOLD
	jb	2f
1:	call	record
2:	mov	eax, [last]
	mov	edx, [last + 4]
	sub	eax, [end]
	sbb	edx, [end + 4]
	jc	spin

	mov	al, 'W'
	call	put
	mov	esi, iterations
	call	put64
	mov	eax, [last]
	mov	edx, [last + 4]
	sub	eax, [begin]
	sbb	edx, [begin + 4]
	mov	[begin], eax
	mov	[begin + 4], edx
	mov	esi, begin
	call	put64
	mov	esi, last
	call	put64
	mov	eax, [vcpus]
	call	put32
	call	newline
	xor	ebp, ebp
	xor	edi, edi
1:	cmp	dword ptr [counts + ebp * 4], 0
	je	2f
	inc	edi
	mov	eax, ebp
	call	put32
	mov	eax, [counts + ebp * 4]
	call	put32
	lea	esi, [sums + ebp * 8]
	call	put64
	call	newline
2:	inc	ebp
	cmp	ebp, 512
	jb	1b
	mov	al, 'E'
	call	put
	mov	eax, edi
	call	put32
	call	newline
	jmp	wait_for_order

other:	rdtsc				# as the first does, without counting
	jmp	other

# The gap edx:eax into its bucket: 8 * its highest bit + the three bits behind that.
record:	push	eax
	push	edx
	xor	ebx, ebx
	test	edx, edx
	jz	1f
	mov	eax, edx
	mov	ebx, 32
1:	bsr	ecx, eax
	add	ebx, ecx
	neg	ecx
	add	ecx, 31
	shl	eax, cl
	shr	eax, 28
	and	eax, 7
	lea	ebx, [ebx * 8 + eax]
	pop	edx
	pop	eax
	inc	dword ptr [counts + ebx * 4]
	add	[sums + ebx * 8], eax
	adc	[sums + ebx * 8 + 4], edx
	ret

# 2^25 cycles: 7 to 30 ms. Counted pauses may each leave the guest.
delay:	rdtsc
	lea	ebx, [eax + 0x2000000]
1:	rdtsc
	sub	eax, ebx
	js	1b
	ret

put64:	mov	eax, [esi + 4]
	call	put32
	mov	eax, [esi]
	jmp	digits
put32:	push	eax
	mov	al, ' '
	call	put
	pop	eax
digits:	mov	ecx, 8
	mov	ebx, eax
1:	rol	ebx, 4
	mov	eax, ebx
	and	al, 15
	cmp	al, 10
	sbb	al, 0x69		# to a hex digit in ASCII
	das
	call	put
	loop	1b
	ret

newline:
	mov	al, '\n'
put:	push	edx
	push	eax
	mov	edx, PORT + 5
1:	in	al, dx
	test	al, 0x20
	jz	1b
	pop	eax
	mov	edx, PORT
	out	dx, al
	pop	edx
	ret

get:	mov	edx, PORT + 5
1:	pause
	in	al, dx
	test	al, 1
	jz	1b
	mov	edx, PORT
	in	al, dx
	ret

	.balign 4
vcpus:	.long 0				# that have come here

	.org 512 * (SECTORS + 1)
	.org 1024 * 1024		# firmware boots from no smaller disk
